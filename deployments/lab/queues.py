"""The lab's queues: who may do what on its Valkey (valkey.py), and how its worker (worker.py) gets in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deployments import accounts, private_file
from deployments.lab import valkey
from tasks.queues.system import ASIDE, CHANGING
from tasks.redis.system import READING

# Not imported: it takes bullmq, and who starts a lab need not wait for that.
WORKER = str(Path(__file__).with_name("worker.py"))
ACCOUNT, TROUBLE, QUEUE = "account.json", "trouble.json", "emails"
PASSWORDS = "passwords.json"
# As an application would grant them: who looks reads, who acts changes queues alone, and the worker is the application.
USERS = {
    "monitor": f"resetchannels %R~* -@all {READING}",
    # Many jobs are added in one transaction, as a drill does.
    "operator": f"resetchannels ~bull:* ~{ASIDE}* -@all {CHANGING} +multi +exec",
    "worker": "allchannels ~* -@all +@all -@admin -@dangerous +info +client|list",
}


def prepare_valkey(folder: Path) -> None:
    """New passwords. What a drill of a lab that was killed has left in the queues is of no use to anybody."""
    made = {user: accounts.new_password() for user in USERS}
    private_file.write_json(folder / PASSWORDS, made)
    lines = ["user default off", *(f"user {user} on >{made[user]} {rights}" for user, rights in USERS.items())]
    private_file.write(folder / valkey.USERS, "\n".join([*lines, ""]))


def prepare_worker(folder: Path, of_valkey: Path) -> None:
    """Whom it is there; and nothing that a drill has told it."""
    (folder / TROUBLE).unlink(missing_ok=True)
    private_file.write_json(folder / ACCOUNT, {"username": "worker", "password": passwords(of_valkey)["worker"]})


def passwords(of_valkey: Path) -> Mapping[str, str]:
    """By user, since the lab's last start."""
    held: Mapping[str, str] = private_file.read_json(of_valkey / PASSWORDS)
    return held
