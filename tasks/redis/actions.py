"""What can be done from here to a Redis server that does not answer."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import CannotLook, NoWayBack, Outcome, Plan, Refused, Risk
from tasks.redis.system import Redis
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import CacheService


class RestartCache(Action):
    """Restart the Redis server.

    Through the environment's `cache_service`, and only while it does not answer: one that does is asked to save first,
    by hand. Not for a password, and not while it loads its data: it would begin anew. It is asked to stop, which makes
    it save; one that is killed comes back as of its last save.
    """

    undo = NoWayBack(
        loses="What was written since its last save, if it cannot save any more; with it, jobs and sessions. Nobody is "
        "served until its data are loaded."
    )

    def plan(self, redis: Redis, cache_service: CacheService) -> Plan:
        loses = f"No way back. {self.undo.loses}"
        try:
            with redis.session() as session:
                session.run("PING")
        except Refused as error:
            return no_plan(f"A restart would not help. {error.says}", noun="servers", loses=loses)
        except CannotLook as error:
            if "loads its data" in error.says:
                return no_plan(f"Nothing to restart: it is at it already. {error.says}", noun="servers", loses=loses)
            does = f"Restart the Redis server. {error.says}"
            return plan_of(cache_service, does, noun="servers", risk=Risk.HIGH, loses=loses, evidence=[])
        return no_plan("Nothing to restart: the Redis server answers.", noun="servers", loses=loses)

    # The server is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, redis: Redis, cache_service: CacheService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(cache_service, plan)

    def applied(self, redis: Redis, cache_service: CacheService, plan: Plan) -> bool | None:  # noqa: ARG002
        return has_restarted(cache_service, plan)
