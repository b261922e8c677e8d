"""Finds runbooks by words: SQLite's full-text index, in memory, with typos forgiven."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from runbooks.model import Declared, Step

# A word in the title or among the keywords says what the runbook is about; one in a step is mentioned in passing.
WEIGHTS = {"title": 10, "keywords": 10, "alerts": 5, "symptoms": 5, "problem": 3, "questions": 2, "steps": 1}
# Of a row: behind the slug, the title and the keywords.
SUBJECTS = slice(1, 3)
# The title is shown anyway, and lists of words tell nothing: a snippet is taken from sentences.
SENTENCES = ("symptoms", "problem", "questions", "steps")

# The index parts `lock_timeout` in two, so the question is parted as well.
WORD = re.compile(r"[^\W_]+")

MARK = "\x02"

# A sentence has fewer words; a pasted log has thousands, and each costs a look at the index.
MOST_WORDS = 100
# Of three letters the beginning says nothing, and only one that is missing is forgiven: `lok` is `lock`, yet with one
# wrong `ssl` would be `sql`. It is looked for in titles and keywords alone, where a word says what a page is about.
SHORTEST_BEGINNING = 4
SHORTEST_TYPO = 3
# One wrong letter in four, or two in eight.
LIKENESS = 0.75
# They stand on every page, and say nothing about any.
_FILLERS = (
    "a an and any are as at be but by can did do does for from had has have how i in is it its me my not of on or our "
    "so that the there this to was we were what when where which who why will with you your"
)
FILLERS = frozenset(_FILLERS.split())
# A page that shares no more than this part of the words with what was asked is about something else; of a long log this
# many. One in the title or the keywords counts twice, one that is only spelt alike half.
ENOUGH_SHARE, ENOUGH_WORDS, SPELT_ALIKE = 0.5, 1.5, 0.5


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What fits the words. `snippet` is a place that fits, else what it is about; a higher `score` fits better."""

    slug: str
    kind: str
    title: str
    snippet: str
    score: float


def search(runbooks: Mapping[str, Declared], words: str, limit: int = 10) -> tuple[Hit, ...]:
    """The runbooks that fit, best first.

    The index is built anew for each search: a hundred runbooks take some milliseconds, and nothing is shared
    between threads or carried into a forked process.
    """
    # An alert's name is asked for as one word; what it says are its parts.
    read = (part for word in WORD.findall(words)[:MOST_WORDS] for part in (word, *_apart(word).split()))
    said = dict.fromkeys(part.lower()[:60] for part in read)
    asked = [word for word in said if word not in FILLERS][:MOST_WORDS]
    if not asked:
        return ()
    with closing(sqlite3.connect(":memory:")) as index:
        found = _found_words(index, asked, _fill(index, runbooks))
        terms = list(dict.fromkeys(term for one in found for term in one.terms))
        if not terms:
            return ()
        fitting = _fitting(index, found, min(ENOUGH_SHARE * len(asked), ENOUGH_WORDS))
        hits = _hits(index, runbooks, terms, len(runbooks))
        return tuple(hit for hit in hits if hit.slug in fitting)[:limit]


@dataclass(frozen=True, kw_only=True)
class _Word:
    """A word that was asked for, as the index knows it; `weight` is less where it is only spelt alike."""

    terms: list[str]
    weight: float


def _fitting(index: sqlite3.Connection, found: Iterable[_Word], enough: float) -> set[str]:
    """The slugs of the pages that share more than `enough` with what was asked."""
    shared: dict[str, float] = defaultdict(float)
    for word in found:
        terms = f"({' OR '.join(word.terms)})"
        for query in (terms, f"{{title keywords alerts}} : {terms}"):
            for (slug,) in index.execute("SELECT slug FROM page WHERE page MATCH ?", [query]):
                shared[slug] += word.weight
    return {slug for slug, weight in shared.items() if weight > enough}


def _fill(index: sqlite3.Connection, runbooks: Mapping[str, Declared]) -> list[tuple[str, ...]]:
    columns = ", ".join(WEIGHTS)
    index.execute(f"CREATE VIRTUAL TABLE page USING fts5(slug UNINDEXED, {columns}, tokenize='porter unicode61')")
    texts = [(slug, *_texts(slug, runbook).values()) for slug, runbook in runbooks.items()]
    index.executemany(f"INSERT INTO page VALUES ({', '.join('?' * (len(WEIGHTS) + 1))})", texts)  # noqa: S608 - marks
    return texts


def _texts(slug: str, runbook: Declared) -> dict[str, str]:
    """What is searched, in the order of WEIGHTS."""
    steps = [f"{part.title}. {'' if isinstance(part, Step) else part.how}" for part in runbook.parts]
    return {
        "title": f"{runbook.title} ({_spoken(slug)})",
        "keywords": ", ".join(runbook.keywords),
        "alerts": " ".join(f"{symptom.alert} {_apart(symptom.alert)}" for symptom in runbook.noticed),
        "symptoms": " ".join(symptom.heard for symptom in runbook.noticed),
        "problem": runbook.about,
        "questions": " ".join(f"{asked.question} {asked.notes}" for asked in runbook.checks),
        "steps": " ".join(steps),
    }


def _spoken(slug: str) -> str:
    return slug.replace("/", ": ").replace("-", " ")


def _apart(alert: str) -> str:
    """PostgresBlockedSessions is found by `blocked`, too."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", alert))


def _vocabulary(texts: Iterable[tuple[str, ...]]) -> list[str]:
    return sorted({word for row in texts for text in row for word in WORD.findall(text.lower())})


def _found_words(index: sqlite3.Connection, asked: list[str], texts: list[tuple[str, ...]]) -> list[_Word]:
    """The words as the index knows them: as they stand, else as a beginning, else as the nearest spelling."""
    every, of_subjects = _vocabulary(texts), _vocabulary(row[SUBJECTS] for row in texts)
    words: list[_Word] = []
    for word in asked:
        vocabulary = every if len(word) >= SHORTEST_BEGINNING else of_subjects
        read = next((one for one in _readings(word, vocabulary) if _found(index, one.terms)), None)
        words += [read] if read else []
    return words


def _readings(word: str, vocabulary: list[str]) -> Iterator[_Word]:
    yield _Word(terms=[f'"{word}"'], weight=1.0)
    if len(word) >= SHORTEST_BEGINNING:
        yield _Word(terms=[f'"{word}"*'], weight=1.0)
    if len(word) >= SHORTEST_TYPO:
        near = process.extract(
            word, vocabulary, scorer=OSA.normalized_similarity, score_cutoff=LIKENESS, limit=3, processor=None
        )
        yield _Word(terms=[f'"{found}"' for found, _, _ in near], weight=SPELT_ALIKE)


def _found(index: sqlite3.Connection, terms: list[str]) -> bool:
    query = "SELECT 1 FROM page WHERE page MATCH ? LIMIT 1"
    return bool(terms) and index.execute(query, [" OR ".join(terms)]).fetchone() is not None


def _hits(index: sqlite3.Connection, runbooks: Mapping[str, Declared], terms: list[str], limit: int) -> Iterator[Hit]:
    weights = ", ".join(map(str, WEIGHTS.values()))
    # The slug is column 0 and not searched. The mark shows in which column a word was found.
    columns = [list(WEIGHTS).index(name) + 1 for name in SENTENCES]
    snippets = ", ".join(f"snippet(page, {n}, '{MARK}', '', '…', 16)" for n in columns)
    rows = index.execute(
        # bm25 is lower for the better fit.
        f"SELECT slug, -bm25(page, 0, {weights}) AS score, {snippets}"  # noqa: S608 - numbers of our own
        " FROM page WHERE page MATCH ? ORDER BY score DESC, slug LIMIT ?",
        [" OR ".join(terms), limit],
    )
    for slug, score, *found in rows:
        runbook = runbooks[slug]
        snippet = next((" ".join(text.replace(MARK, "").split()) for text in found if MARK in text), runbook.about)
        yield Hit(slug=slug, kind=runbook.kind, title=runbook.title, snippet=snippet, score=score)
