"""The questions about connection slots, limits and roles. See tasks/postgres/queries."""

from tasks.sql import reader

_read = reader(__name__)

CONNECTION_SLOTS = _read("connection_slots")
SLOT_HOLDERS = _read("slot_holders")
IDLE_SESSIONS = _read("idle_sessions")
ROLE_LIMITS = _read("role_limits")
DATABASE_LIMITS = _read("database_limits")
LOGIN_ROLE = _read("login_role")
SET_PASSWORD = _read("set_password")
