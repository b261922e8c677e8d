"""Which tables and columns of an application's database play which part, and what the values in them mean."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.application.part import Column, Meanings, Part, Value, Values, column, values
from tasks.environment import TimeZone


class SendStatuses(Meanings):
    """What a mail's status means. Any other is: it went out."""

    queued: Values = values("it waits to be sent")
    claimed: Values = values("a sender has taken it, and has not said yet what became of it")
    failed: Values = values("the attempt to send it failed")
    bounced: Values = values("it came back")
    withdrawn: Values = values("it was taken out of the queue, and is not sent")
    sent: Values = values("it went out; the first is written where a mail is found that did")


class BounceTypes(Meanings):
    """What kind of bounce it was."""

    hard: Values = values("the address does not exist")
    soft: Values = values("refused for now")
    blocked: Values = values("refused for its content or its sender; it says nothing about the address")


class Sends(Part):
    """One mail to one lead, a row each."""

    filtered_by: ClassVar[tuple[str, ...]] = ("sent_at", "failed_at", "scheduled_for", "created_at")
    of_one_status: ClassVar[tuple[str, ...]] = ("failed_at", "scheduled_for")

    id: Column = column("its key")
    lead: Column = column("whom it is for: the lead's id")
    campaign: Column = column("the campaign's id")
    status: Column = column("what became of it")
    created_at: Column = column("when the row was written")
    scheduled_for: Column = column("when it was to go out")
    claimed_at: Column = column("when a sender took it")
    sent_at: Column = column("when it went out; not changed afterwards")
    message_id: Column = column("its Message-ID, with or without brackets: there once the provider has taken it")
    failed_at: Column = column("when the attempt failed; may be a column that moves, as long as failed mails do not")
    error: Column = column("why it failed")
    subject: Column = column("its subject")
    body: Column = column("its text, as it goes out")
    bounce_type: Column = column("what kind of bounce came back")
    statuses: SendStatuses = SendStatuses()
    bounces: BounceTypes = BounceTypes()


class EventTypes(Meanings):
    """What an event means. Providers have several words for one thing: unsubscribe and group_unsubscribe."""

    open: Values = values("it was opened")
    click: Values = values("a link in it was followed")
    unsubscribe: Values = values("its reader wants no more, of this list or of any")
    complaint: Values = values("its reader called it spam")
    reply: Values = values("its reader answered, and the answer was taken in")


class Events(Part):
    """What the provider told about a mail, a row each."""

    filtered_by: ClassVar[tuple[str, ...]] = ("at",)

    id: Column = column("its key")
    send: Column = column("the mail's id")
    type: Column = column("what happened")
    at: Column = column("when it happened")
    detail: Column = column("what else is told of it: a reason, a link")
    once: Column = column("the provider's id of the event, or its hash: the same one must not come in twice")
    types: EventTypes = EventTypes()


class EnrolmentStatuses(Meanings):
    """What an enrolment's status means."""

    active: Values = values("the lead still gets mails of this campaign")
    ended: Values = values("the lead gets no more; the first is written where we end one")


class Enrolments(Part):
    """One lead in one campaign, a row each."""

    filtered_by: ClassVar[tuple[str, ...]] = ("due_at",)
    of_one_status: ClassVar[tuple[str, ...]] = ("due_at",)

    id: Column = column("its key")
    lead: Column = column("the lead's id")
    campaign: Column = column("the campaign's id")
    status: Column = column("whether it goes on")
    due_at: Column = column("when its next mail is due")
    updated_at: Column = column("when the row last changed")
    reason: Column = column("why it ended, as a text")
    statuses: EnrolmentStatuses = EnrolmentStatuses()
    # How often the scheduler looks who is due.
    tick_s: float = Field(default=120, gt=0)


class CampaignStatuses(Meanings):
    """What a campaign's status means."""

    running: Values = values("it sends; neither drafted, paused nor finished")
    paused: Values = values("it sends nothing until somebody resumes it; the first is written where we pause one")


class Campaigns(Part):
    """A campaign, a row each."""

    id: Column = column("its key")
    name: Column = column("what people call it")
    status: Column = column("whether it runs")
    organization: Column = column("whose it is")
    statuses: CampaignStatuses = CampaignStatuses()


class LeadStatuses(Meanings):
    """What a lead's status means."""

    invalid: Values = values("its address takes no mail; the first is written where we mark one")


class Leads(Part):
    """A lead, a row each."""

    id: Column = column("its key")
    email: Column = column("its address")
    name: Column = column("by which mails greet it")
    status: Column = column("whether it may be written to")
    created_at: Column = column("when its address was taken in")
    statuses: LeadStatuses = LeadStatuses()


class ExecutionStatuses(Meanings):
    """What a run's status means."""

    success: Values = values("it did what it should")
    error: Values = values("it failed")


class Executions(Part):
    """A run of a workflow, a row each; and what we expect of the workflows."""

    filtered_by: ClassVar[tuple[str, ...]] = ("finished_at",)

    id: Column = column("its key")
    workflow: Column = column("the workflow's name")
    status: Column = column("how it ended")
    started_at: Column = column("when it began")
    finished_at: Column = column("when it ended, or when this row was written at its end")
    duration_ms: Column = column("how long it took, in milliseconds")
    items: Column = column("how many it worked on, where that is kept")
    error: Column = column("why it failed")
    statuses: ExecutionStatuses = ExecutionStatuses()
    # How long each may go without a success, in seconds: the list is ours, so that one without any row is missed, too.
    expected: dict[Value, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    # The one that decides who gets a mail next, and the one that sends.
    scheduler: Value | None = None
    sender: Value | None = None


class Analytics(Part):
    """A day of a campaign, a row each."""

    filtered_by: ClassVar[tuple[str, ...]] = ("date",)

    campaign: Column = column("the campaign's id")
    date: Column = column("the day, as a date")
    organization: Column = column("whose campaign it is")
    sent: Column = column("how many mails of that day went out")
    opened: Column = column("how many of them were opened")
    clicked: Column = column("in how many of them a link was followed")
    unsubscribed: Column = column("how many of their readers want no more")
    open_rate: Column = column("opened of sent")
    click_rate: Column = column("clicked of sent")
    unsubscribe_rate: Column = column("unsubscribed of sent")
    # percent: 34.5 of 100; fraction: 0.345 of 1.
    unit: Literal["percent", "fraction"] = "percent"
    # In which its days begin, an IANA name; where nothing is said, questions take the environment's.
    time_zone: TimeZone | None = None
    # The workflow that writes them.
    updater: Value | None = None


class WorkflowStates(Meanings):
    """Whether a workflow is switched on."""

    on: Values = values("it runs when it is due")
    off: Values = values("it is switched off")


class Workflows(Part):
    """A workflow, a row each: whether it is switched on, and when it runs next."""

    id: Column = column("its key")
    name: Column = column("the workflow's name, as in its runs")
    active: Column = column("whether it is switched on")
    next_run_at: Column = column("when it runs next; whoever writes an earlier moment has it run then")
    states: WorkflowStates = WorkflowStates()


class StopValues(Meanings):
    """What the value of the emergency stop means."""

    on: Values = values("no mail is sent")
    off: Values = values("mails are sent")


class Settings(Part):
    """A setting of the application, a row each; and which of them is the emergency stop."""

    key: Column = column("the setting's name")
    value: Column = column("its value, whatever its type: a text, a boolean, jsonb")
    changed_at: Column = column("when it was set")
    changed_by: Column = column("who set it")
    reason: Column = column("why")
    stops: StopValues = StopValues()
    # The rows' names: the one that stops all sending, and how many mails one run of the sender may send.
    stop: Value | None = None
    per_run: Value | None = None
    # And by vendor, how many requests to it the application makes at once: { claude = "claude_concurrency" }.
    at_once: dict[Value, Value] = Field(default_factory=dict)


class InboxStatuses(Meanings):
    """What an inbox's status means."""

    active: Values = values("mails go out from it; the first is written where one is resumed")
    paused: Values = values("none does; the first is written where we pause one")


class Inboxes(Part):
    """An inbox that mails go out from, a row each."""

    id: Column = column("its key")
    address: Column = column("its address")
    status: Column = column("whether mails go out from it")
    daily_limit: Column = column("how many it may send a day")
    warmup_from: Column = column("the first day of its warm-up; none: it was warmed up elsewhere")
    paused_until: Column = column("until when it is paused")
    created_at: Column = column("since when it is there")
    statuses: InboxStatuses = InboxStatuses()


class InboxDays(Part):
    """A day of an inbox, a row each: what it sent, and what of that day's mails came back."""

    filtered_by: ClassVar[tuple[str, ...]] = ("day",)

    inbox: Column = column("the inbox's id")
    day: Column = column("the day, as a date")
    sent: Column = column("how many it sent")
    bounced: Column = column("how many of them bounced")
    complained: Column = column("how many were called spam")
    replied: Column = column("how many were answered")


class ProspectStatuses(Meanings):
    """What a prospect's status says about its enrichment. Any other says nothing about it."""

    new: Values = values("it was taken in, and nobody has begun with it")
    pending: Values = values("it waits its turn; the first is written where we have one enriched")
    enriched: Values = values("what was to be found was found")
    failed: Values = values("it was tried, and failed")
    skipped: Values = values("it is left as it is; the first is written where we skip one")


class Prospects(Part):
    """Somebody about whom more is to be found before they are written to, a row each."""

    filtered_by: ClassVar[tuple[str, ...]] = ("changed_at",)
    of_one_status: ClassVar[tuple[str, ...]] = ("changed_at",)

    id: Column = column("its key")
    status: Column = column("how far its enrichment is")
    changed_at: Column = column("when its status changed")
    error: Column = column("why it failed")
    attempts: Column = column("how often it was tried")
    statuses: ProspectStatuses = ProspectStatuses()
    # A trigger of the database writes changed_at: then we write the status alone.
    stamped_by_database: bool = False
