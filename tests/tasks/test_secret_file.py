"""A secret in a file: read with distrust, replaced in one step, put back, and never half of one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks import secret_file
from tasks.model import Refused
from tasks.secret_file import kept

OLD, NEW = "the-old-one", "the-new-one"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secret"
    made.write_text(f"{OLD}\n")
    made.chmod(0o640)
    return made


def there(file: Path) -> dict[str, tuple[str, int]]:
    """What lies in the folder, and who may read it."""
    return {one.name: (one.read_text(), one.stat().st_mode & 0o777) for one in file.parent.iterdir()}


@pytest.mark.parametrize(
    ("noun", "content", "held"),
    [
        ("key", b"SG.abc", "SG.abc"),
        ("key", b" SG.abc \r\n", "SG.abc"),
        ("password", b"abcd efgh\n", "abcd efgh"),
        # What a password begins or ends with belongs to it.
        ("password", b" abcd \r\n\n", " abcd "),
        ("password", "größer\n".encode(), "größer"),
        ("password", b"x" * 4096, "x" * 4096),
    ],
)
def test_it_reads_one_line(file: Path, noun: str, content: bytes, held: str) -> None:
    file.write_bytes(content)
    assert secret_file.read(file, noun).get_secret_value() == held


@pytest.mark.parametrize("noun", ["key", "password"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"line\nline\n", "one line of text is expected"),
        (b"\x00\x01", "one line of text is expected"),
        (b"a\xff", "one line of text is expected"),
        (b"x" * 4097, "it is longer than 4096 bytes"),
    ],
)
def test_it_refuses_what_is_no_secret_and_names_the_setting(file: Path, noun: str, content: bytes, says: str) -> None:
    file.write_bytes(content)
    with pytest.raises(Refused) as refused:
        secret_file.read(file, noun)
    assert refused.value.says == f"The {noun} file {file} holds no {noun}: {says}."
    assert f"`{noun}_file`" in refused.value.remedy


def test_a_key_is_one_word(file: Path) -> None:
    file.write_text("two words\n")
    with pytest.raises(Refused, match="holds no key"):
        secret_file.read(file, "key")


def test_a_file_that_is_missing_is_said(file: Path) -> None:
    file.unlink()
    for refused in (lambda: secret_file.read(file, "key"), lambda: secret_file.put(file, SecretStr(NEW), "key")):
        with pytest.raises(Refused, match="No such file") as error:
            refused()
        assert "`key_file`" in error.value.remedy
    assert there(file) == {}


def test_it_keeps_the_old_one_as_private_as_it_was_and_puts_it_back(file: Path) -> None:
    secret_file.put(file, SecretStr(NEW), "key")
    assert there(file) == {"secret": (f"{NEW}\n", 0o640), "secret.before": (f"{OLD}\n", 0o640)}
    assert secret_file.put_back(file, "key")
    assert there(file) == {"secret": (f"{OLD}\n", 0o640)}
    assert not secret_file.put_back(file, "key")
    assert there(file) == {"secret": (f"{OLD}\n", 0o640)}


def test_it_is_for_nobody_else_while_it_is_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(descriptor: int, mode: int) -> None:
        seen.append((os.fstat(descriptor).st_mode & 0o777, mode))

    monkeypatch.setattr(os, "fchmod", watched)
    secret_file.put(file, SecretStr(NEW), "key")
    assert seen == [(0o600, 0o640)] * 2


def test_it_belongs_to_whom_it_belonged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    monkeypatch.setattr(os, "fchown", lambda _, *who: given.append(who))
    secret_file.put(file, SecretStr(NEW), "key")
    assert given == [(file.stat().st_uid, file.stat().st_gid)] * 2


def test_nothing_is_written_through_a_link_that_somebody_laid(file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    elsewhere.write_text("precious\n")
    for name in ("secret.new", "secret.before"):
        file.with_name(name).symlink_to(elsewhere)
    secret_file.put(file, SecretStr(NEW), "key")
    assert elsewhere.read_text() == "precious\n"
    assert (file.read_text(), kept(file).read_text()) == (f"{NEW}\n", f"{OLD}\n")
    assert not kept(file).is_symlink()


def test_what_is_laid_in_the_way_at_the_last_moment_is_not_written_either(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = file.with_name("elsewhere")
    elsewhere.write_text("precious\n")
    unlink = Path.unlink

    def unlinked_and_laid(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        path.symlink_to(elsewhere)

    monkeypatch.setattr(Path, "unlink", unlinked_and_laid)
    with pytest.raises(Refused, match=r"The key file .*/secret cannot be written: File exists\."):
        secret_file.put(file, SecretStr(NEW), "key")
    assert (file.read_text(), elsewhere.read_text()) == (f"{OLD}\n", "precious\n")


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_leaves_the_old_one_whole(file: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    asked = []

    def full(_: int) -> None:
        asked.append(0)
        if len(asked) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="No space left on device"):
        secret_file.put(file, SecretStr(NEW), "password")
    assert file.read_text() == f"{OLD}\n"
    assert not file.with_name("secret.new").exists()


def test_a_folder_that_may_not_be_written_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file.put(file, SecretStr(NEW), "key")

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "replace", forbidden)
    with pytest.raises(Refused, match="cannot be written: Permission denied"):
        secret_file.put_back(file, "key")
    assert (file.read_text(), kept(file).read_text()) == (f"{NEW}\n", f"{OLD}\n")
