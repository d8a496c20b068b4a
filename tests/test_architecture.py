"""The picture in ARCHITECTURE.md is true of every import of the package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "chainrule"


def module_name(path: Path) -> str:
    """`engines.reference` for src/chainrule/engines/reference.py, `engines` for its __init__."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def floors() -> dict[str, int]:
    """The floor of each room, counted from the top of the picture."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    picture = re.search(r"^```text rooms\n(.*?)^```", text, re.M | re.S)
    assert picture, "ARCHITECTURE.md has no block ```text rooms"
    width_of_labels = 12
    return {
        room: floor
        for floor, line in enumerate(picture[1].splitlines())
        for room in line[width_of_labels:].split()
    }


FLOORS = floors()


def room_of(module: str) -> str | None:
    """The innermost room that a module lies in; `python -m chainrule` is the door of `cli`."""
    module = module.replace("__main__", "cli")
    rooms = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def imported_modules(path: Path) -> Iterator[str]:
    """The modules of this package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}, line {node.lineno}: write the import in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package != "chainrule" or rest == "__version__":
                continue
            while rest and rest not in MODULES:  # a name within a module
                rest = rest.rpartition(".")[0]
            yield rest or "__init__"


def test_every_module_has_a_room_in_the_picture():
    assert [module for module in MODULES if room_of(module) is None] == []


def test_every_room_in_the_picture_exists():
    assert [room for room in FLOORS if room not in MODULES] == []


def test_a_module_imports_only_from_floors_below_its_own():
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imported_modules(path)
        if (mine := room_of(module)) and (other := room_of(imported))
        if mine != other and FLOORS[other] <= FLOORS[mine]
    ]
    assert not wrong, "\n".join(wrong)
