"""Every week: what Docker left behind, listed with its size, and removed piece by piece once somebody looked."""

from datetime import time, timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.docker.actions import RemoveDanglingImages, RemoveStoppedContainers
from tasks.docker.checks import check_docker_leftovers, check_unused_volumes

maintenance = Maintenance(
    title="Clear away what Docker left behind",
    purpose=(
        "Lists the images without a name and the one-off containers that ended long ago, each with its size, and "
        "removes exactly those, one by one. Never by `prune`, which takes whatever fits at that moment: after `compose "
        "stop` it takes the stack's containers, and then its volumes are of nobody. Volumes are shown by name, and "
        "stay."
    ),
    keywords=("docker", "podman", "container", "image", "prune", "dangling", "build cache", "disk full", "volumes"),
    # Whoever approves is at work, and has just seen Monday's deployments.
    window=Window(start=time(10, 0), length=timedelta(hours=6), days=(Day.TUESDAY,)),
    # A log, or the image to go back to, is gone for good: a person looks at the list.
    unattended=None,
    diagnosis=(check_docker_leftovers, check_unused_volumes),
    steps=(
        # First: an image is free once its container is gone.
        Step(RemoveStoppedContainers(), when=check_docker_leftovers),
        Step(RemoveDanglingImages(), when=check_docker_leftovers),
        Manual(
            "Shrink the build cache",
            when=check_docker_leftovers,
            how="""\
The engine removes cache only by rules, not piece by piece, so look first, and give an age:

    docker buildx du --verbose
    docker builder prune --filter until=168h

What is lost is time: the next build does it again.""",
        ),
        Manual(
            "Decide about volumes of no container",
            when=check_unused_volumes,
            how="""\
Look into each before it goes; a stack that is down refers to none of its volumes:

    docker volume inspect <name>
    docker run --rm -v <name>:/look:ro alpine ls -la /look
    docker volume rm <name>

Never `docker volume prune`, never `docker system prune --volumes`.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=30)),
)
