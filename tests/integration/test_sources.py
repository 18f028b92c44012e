"""Nothing in the package runs what a file of the user says."""

import ast
import pathlib

import pytest

import skgeo

ROOT = pathlib.Path(skgeo.__file__).parent
# Round trips of estimators that the checks have just made themselves.
ALLOWED = {("testing/_trials_contract.py", "pickle.loads")}
FORBIDDEN = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "joblib.load",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "marshal.loads",
    "shelve.open",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: k.value for k in node.keywords}


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_files_are_data(path):
    where = path.relative_to(ROOT).as_posix()
    for name, keywords in calls(ast.parse(path.read_text("utf-8"))):
        if (where, name) in ALLOWED:
            continue
        assert name not in FORBIDDEN, f"{where} calls {name}"
        assert "shell" not in keywords, f"{where} starts a shell"
        pickled = keywords.get("allow_pickle")
        assert pickled is None or ast.literal_eval(pickled) is False, where
        if name in ("np.load", "numpy.load") and "mmap_mode" not in keywords:
            assert pickled is not None, f"{where}: say allow_pickle=False"


def test_pages_escape_what_they_print():
    for path in ROOT.rglob("*.py"):
        for name, keywords in calls(ast.parse(path.read_text("utf-8"))):
            if name.endswith(("jinja2.Environment", "jinja2.Template")):
                assert ast.literal_eval(keywords["autoescape"]) is True, path
    for template in (ROOT / "eeg/_moabb/templates").iterdir():
        text = template.read_text("utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape false" not in text
