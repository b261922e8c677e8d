"""Finds every runbook there is, ours and the team's: each is a file in a category's folder, and no list names it."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rapidfuzz import process

from runbooks.checklist import Health
from runbooks.model import AnyCheck, Declared, InvalidRunbook, Runbook, Watch
from runbooks.playbook import Maintenance, Playbook
from runbooks.search import Hit, search
from runbooks.version import Versions
from tasks.check import InvalidCheck
from tasks.defect import told
from tasks.environment import Environment
from tasks.registry import OURS as TASKS
from tasks.registry import Team, register_systems

OURS = Path(__file__).parent
# What a file may declare, each under the name of its kind.
KINDS: tuple[type[Declared], ...] = (Runbook, Playbook, Maintenance, Health)


class UnknownRunbook(Exception):
    """No runbook has this slug; `nearest` are those that come close, best first."""

    def __init__(self, slug: str, nearest: tuple[str, ...]) -> None:
        advice = f"Did you mean {' or '.join(nearest)}?" if nearest else "`incident runbooks` lists all of them."
        super().__init__(f"No runbook {slug!r}. {advice}")
        self.slug = slug
        self.nearest = nearest


@dataclass(frozen=True, kw_only=True)
class Catalogued:
    """A runbook, playbook or maintenance, and where it stands.

    The slug is its place: `database/blocked_sessions.py` → database/blocked-sessions.
    `version` changes with the runbook's file and with all it does its work through, so an approval given under an older
    text does not count.
    """

    slug: str
    runbook: Declared
    module: str
    source: Path
    version: str

    @property
    def category(self) -> str:
        return self.slug.partition("/")[0]

    @property
    def place(self) -> str:
        """The file as people name it, the same on every machine: runbooks/database/blocked_sessions.py."""
        return "/".join(self.source.parts[-3:])


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What is wrong with a team's file, and where.

    `slug` is that of its runbook; of a system, its folder's name; empty if nobody knows what else is missing.
    """

    slug: str
    says: str

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True)
class Catalog:
    """All runbooks, in the order of their slugs; and what is wrong with those of the team that cannot be used.

    One file that somebody broke must not take the others away at night. Whoever shows or publishes the catalog says
    what is wrong; whoever asks for what cannot be used is told why.
    """

    entries: tuple[Catalogued, ...]
    complaints: tuple[Complaint, ...] = ()

    @classmethod
    def load(cls, team: Team | None = None) -> Catalog:
        """Our runbooks and the team's, and every system they can ask.

        Raises:
            InvalidRunbook: files of ours that are no runbook, contradict themselves or each other.
        """
        broken = [Complaint(slug=one.name, says=one.says) for one in register_systems(team)]
        versions = Versions(_packages(team))
        ours, complaints = _import_all(OURS.name, OURS, versions)
        complaints += _contradictions(ours)
        if complaints:
            raise InvalidRunbook("\n".join(map(str, complaints)))
        theirs: list[Catalogued] = []
        if team is not None and team.runbooks is not None:
            theirs, complaints = _import_all(_package(team.runbooks), team.runbooks, versions)
            # Ours come first, so that of two that contradict each other the team's is the one to blame.
            complaints += _contradictions([*ours, *theirs], unusable={one.slug for one in complaints})
        unusable = {one.slug for one in complaints}
        complaints = [*broken, *complaints]
        usable = [*ours, *(entry for entry in theirs if entry.slug not in unusable)]
        return cls(tuple(sorted(usable, key=lambda entry: entry.slug)), tuple(complaints))

    def __iter__(self) -> Iterator[Catalogued]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, slug: str) -> Catalogued:
        """The runbook `slug`.

        Raises:
            InvalidRunbook: its file cannot be used; what is wrong with it is said.
            UnknownRunbook: there is none; the nearest are named.
        """
        if slug not in self._by_slug:
            if wrong := [one.says for one in self.complaints if one.slug == slug]:
                raise InvalidRunbook("\n".join(wrong))
            raise UnknownRunbook(slug, self._nearest(slug))
        return self._by_slug[slug]

    def for_alert(self, name: str) -> tuple[Catalogued, ...]:
        """The runbooks that name this alert among their symptoms."""
        return tuple(e for e in self if name and name in {symptom.alert for symptom in e.runbook.noticed})

    def search(self, words: str, limit: int = 10) -> tuple[Hit, ...]:
        """The runbooks that fit the words, best first; typos are forgiven."""
        return search(self._runbooks, words, limit)

    def related(self, slug: str) -> tuple[Catalogued, ...]:
        """What the runbook calls related, and what calls it related: the reader of either wants the other."""
        own = _named(self.get(slug).runbook)
        return tuple(e for e in self if e.slug != slug and (e.slug in own or slug in _named(e.runbook)))

    def watches(self) -> Iterator[tuple[str, Watch]]:
        """Every watch that is declared, with the slug of the runbook it opens."""
        for entry in self:
            yield from ((entry.slug, watch) for watch in entry.runbook.watched)

    def nowhere(self, environment: Environment) -> list[str]:
        """The kinds of system that questions are about and the environment does not have, each once."""
        asked = {asked for entry in self for asked in entry.runbook.checks}
        return sorted({kind for one in asked for kind in one.lacks(environment.kinds)})

    def unknown_overrides(self, environment: Environment) -> list[str]:
        """A sentence for each limit it overrides, objective it has, and watch it pauses, that no runbook has."""
        checks = {asked.name: asked for entry in self for asked in entry.runbook.checks}
        said = [*self._unknown_pauses(environment), *self._unknown_objectives(environment, checks)]
        for name, limits in environment.thresholds.items():
            where = f"environments.{environment.name}.thresholds.{name}"
            if name not in checks:
                # One that cannot be used just now may ask it: no reason to refuse the whole environment.
                if self.complaints:
                    continue
                said.append(f"{where}: no runbook asks {name}.{_did_you_mean(name, checks)}")
                continue
            known = checks[name].thresholds
            said += [
                f"{where}.{limit}: {name} has no limit {limit!r}.{_did_you_mean(limit, known)}"
                for limit in limits
                if limit not in known
            ]
        return said

    def _unknown_objectives(self, environment: Environment, checks: Mapping[str, AnyCheck]) -> list[str]:
        # One that cannot be used just now may ask it.
        if self.complaints:
            return []
        return [
            f"environments.{environment.name}.objectives[{n}] ({one.name}): no runbook asks {one.check}."
            f"{_did_you_mean(one.check, checks)}"
            for n, one in enumerate(environment.objectives)
            if one.check not in checks
        ]

    def _unknown_pauses(self, environment: Environment) -> list[str]:
        # One that cannot be used just now may declare it.
        if self.complaints:
            return []
        known = {watch_name(slug, watch): watch for slug, watch in self.watches()}
        where = f"environments.{environment.name}.paused_watches"
        unknown = sorted(environment.paused_watches - known.keys())
        return [f"{where}: nothing is watched as {name!r}.{_did_you_mean(name, known)}" for name in unknown]

    @cached_property
    def _by_slug(self) -> Mapping[str, Catalogued]:
        return {entry.slug: entry for entry in self}

    @cached_property
    def _runbooks(self) -> Mapping[str, Declared]:
        return {entry.slug: entry.runbook for entry in self}

    def _nearest(self, slug: str) -> tuple[str, ...]:
        """By spelling first; otherwise by what the words mean to the search."""
        alike = [found for found, _, _ in process.extract(slug, self._by_slug.keys(), limit=3, score_cutoff=75)]
        meant = [hit.slug for hit in self.search(slug, limit=3)]
        return tuple(dict.fromkeys([*alike, *meant]))[:3]


def _packages(team: Team | None) -> dict[str, Path]:
    """The packages through which runbooks do their work, ours and the team's, by name.

    What lies in the team's folder of systems is imported by its own name; what lies beside a runbook, relatively.
    """
    systems = {"": team.systems} if team is not None and team.systems is not None else {}
    runbooks = {_package(team.runbooks): team.runbooks} if team is not None and team.runbooks is not None else {}
    # Ours last: of two modules of one name Python takes ours.
    return {**systems, **runbooks, TASKS.name: TASKS}


def _import_all(package: str, folder: Path, versions: Versions) -> tuple[list[Catalogued], list[Complaint]]:
    """Every runbook that could be imported, and a complaint about every file that could not."""
    found, complaints = [], []
    importlib.invalidate_caches()
    if not folder.is_dir():
        says = f"{folder}: no such folder. `team.runbooks` must name the folder with your runbooks."
        complaints.append(Complaint(slug="", says=says))
    for source in sorted(folder.glob("*/*.py")):
        if source.stem == "__init__":
            continue
        slug = f"{source.parent.name}/{source.stem}".replace("_", "-")
        try:
            found.append(_import(slug, source, f"{package}.{source.parent.name}.{source.stem}", versions))
        except (InvalidRunbook, InvalidCheck) as error:
            complaints.append(Complaint(slug=slug, says=f"{slug} ({source}): {error}"))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a file may raise anything; a person must know which
            complaints.append(Complaint(slug=slug, says=f"{slug} ({source}): cannot be imported: {told(error)}"))
    return found, complaints


def _import(slug: str, source: Path, module: str, versions: Versions) -> Catalogued:
    file = importlib.import_module(module)
    declared = [found for kind in KINDS if isinstance(found := getattr(file, kind.kind, None), kind)]
    if len(declared) > 1:
        raise InvalidRunbook("declares more than one. Give each its own file.")
    if not declared:
        written = ", ".join(f"`{kind.kind} = {kind.__name__}(…)`" for kind in KINDS)
        raise InvalidRunbook(f"declares nothing. Write one of {written}, or move the file elsewhere.")
    return Catalogued(slug=slug, runbook=declared[0], module=module, source=source, version=versions.of(source))


def _package(folder: Path) -> str:
    """A package of our own making over the team's folder, so that its files can never be mistaken for other modules."""
    name = f"team_runbooks_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        package = types.ModuleType(name, f"The runbooks in {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _named(declared: Declared) -> set[str]:
    return {*declared.related, *declared.symptom_of}


def _contradictions(found: list[Catalogued], unusable: Collection[str] = ()) -> list[Complaint]:
    """What stands against each other, each blamed on the later one; `unusable` slugs are known, and no more."""
    return [
        *_declared_twice(found),
        *_pointing_nowhere(found, unusable),
        *_waiting_in_a_circle(found),
        *_two_checks_of_one_name(found),
    ]


def _declared_twice(found: list[Catalogued]) -> Iterator[Complaint]:
    first: dict[str, Catalogued] = {}
    for entry in found:
        known = first.setdefault(entry.slug, entry)
        if known is not entry:
            says = f"{entry.slug} is declared twice: {known.source} and {entry.source}. Rename one."
            yield Complaint(slug=entry.slug, says=says)


def _pointing_nowhere(found: list[Catalogued], unusable: Collection[str]) -> Iterator[Complaint]:
    slugs = {entry.slug: entry for entry in found}
    for entry in found:
        named = [("related", slug) for slug in entry.runbook.related]
        named += [("symptom_of", slug) for slug in entry.runbook.symptom_of]
        if isinstance(entry.runbook, Health):
            named += [("ran", ran.slug) for ran in entry.runbook.ran]
        for where, slug in named:
            if slug not in slugs and slug not in unusable:
                says = f"{entry.slug} ({entry.source}): {where} {slug!r} is no runbook.{_did_you_mean(slug, slugs)}"
                yield Complaint(slug=entry.slug, says=says)


def _waiting_in_a_circle(found: list[Catalogued]) -> Iterator[Complaint]:
    """Each would wait for the other's verdict."""
    roots = {entry.slug: entry.runbook.symptom_of for entry in found}
    for entry in found:
        above, seen = [*entry.runbook.symptom_of], set[str]()
        while above:
            slug = above.pop()
            if slug == entry.slug:
                says = f"{entry.slug} ({entry.source}): by `symptom_of` it is a symptom of itself. Take one out."
                yield Complaint(slug=entry.slug, says=says)
                break
            above += [] if slug in seen else roots.get(slug, ())
            seen.add(slug)


def _two_checks_of_one_name(found: list[Catalogued]) -> Iterator[Complaint]:
    """Limits and earlier answers are kept by a check's name: two checks must not share one."""
    first: dict[str, AnyCheck] = {}
    for entry in found:
        for asked in entry.runbook.checks:
            known = first.setdefault(asked.name, asked)
            if known is not asked:
                files = f"{inspect.getfile(known.fn)} and {inspect.getfile(asked.fn)}"
                says = f"{entry.slug} ({entry.source}): two checks are called {asked.name}: {files}. Rename one."
                yield Complaint(slug=entry.slug, says=says)


def watch_name(slug: str, watch: Watch) -> str:
    """As `paused_watches` names it."""
    return f"{slug}/{watch.check.name}"


def _did_you_mean(word: str, known: Mapping[str, object]) -> str:
    near = process.extractOne(word, known.keys(), score_cutoff=60)
    return f" Did you mean {near[0]!r}?" if near else ""
