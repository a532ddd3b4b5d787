"""The client is light: it loads nothing of the server, and the command loads nothing it does not need."""

from __future__ import annotations

import subprocess
import sys

SERVER = ("pyramid", "celery", "cwltool", "pymongo", "redis", "boto3", "weaverlite.settings", "weaverlite.runtime")


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_client_loads_nothing_of_the_server() -> None:
    loaded = loaded_after("import weaverlite.client")
    assert "weaverlite.client.client" in loaded
    assert loaded.isdisjoint(SERVER)


def test_client_loads_no_yaml_and_no_progress_bar_until_needed() -> None:
    assert loaded_after("import weaverlite.client").isdisjoint({"yaml", "tqdm"})


def test_client_can_be_imported_from_the_command_without_the_server() -> None:
    loaded = loaded_after("from weaverlite.cli import WeaverClient")
    assert "weaverlite.client.client" in loaded
    assert loaded.isdisjoint(SERVER)


def test_help_loads_neither_requests_nor_any_command() -> None:
    statement = "\n".join(
        (
            "import contextlib, io",
            "from weaverlite.cli import main",
            "with contextlib.redirect_stdout(io.StringIO()):",
            "    main(['--help'], standalone_mode=False)",
        )
    )
    loaded = loaded_after(statement)
    assert loaded.isdisjoint({"requests", "yaml", "tqdm", "weaverlite.client", "weaverlite.cli.jobs", *SERVER})


def test_commands_of_users_do_not_load_the_server() -> None:
    modules = ("processes", "execute", "monitor", "results", "jobs", "logs", "service", "completion")
    loaded = loaded_after("import " + ", ".join(f"weaverlite.cli.{module}" for module in modules))
    assert loaded.isdisjoint({"requests", *SERVER})
