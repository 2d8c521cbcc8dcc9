"""The files that make the cluster of docker-compose.yml, read."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def text(name):
    return (ROOT / name).read_text()


def filled(value):
    """A value of docker-compose.yml as it is when no variable is set."""
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) if isinstance(value, str) else value


def compose():
    return filled(yaml.safe_load(text("docker-compose.yml")))


def services():
    return compose()["services"]


def nodes():
    """The services that are nodes, by name."""
    return {name: service for name, service in services().items() if name.startswith("node-")}


def settings():
    """The settings that the README lists."""
    return set(re.findall(r"^\| `(COLLAB_\w+)` \|", text("README.md"), re.MULTILINE))


def stages():
    """The images that the Dockerfile begins with: name to tag."""
    return dict(re.findall(r"^FROM (?:--platform=\S+ )?([\w/.-]+):(\S+)", text("infra/Dockerfile"), re.MULTILINE))


def instruction(word):
    """The rest of an instruction of the Dockerfile's last stage, its lines joined."""
    last = text("infra/Dockerfile").rsplit("\nFROM ", 1)[1].replace("\\\n", " ")
    (found,) = re.findall(rf"^{word} (.*)$", last, re.MULTILINE)
    return " ".join(found.split())
