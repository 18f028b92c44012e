"""Write docs/api/<package>.md from the public names; a test holds them to it."""

import importlib
import inspect
import pathlib

PAGES = pathlib.Path(__file__).resolve().parents[1] / "docs" / "api"
TITLES = {
    "eeg": "EEG",
    "cluster": "Clustering",
    "decomposition": "Decomposition",
    "linear_model": "Linear models",
    "dynamics": "Dynamics",
    "datasets": "Data sets",
    "plotting": "Plotting",
    "testing": "Testing",
    "exceptions": "Exceptions and warnings",
}


def main():
    """Write the pages."""
    for package, title in TITLES.items():
        module = importlib.import_module(f"skgeo.{package}")
        names = {name: getattr(module, name) for name in module.__all__}
        lines = [f"# {title}: `skgeo.{package}`", "", module.__doc__.strip(), ""]
        for heading, chosen in (
            ("Classes", [n for n, v in names.items() if inspect.isclass(v)]),
            ("Functions", [n for n, v in names.items() if not inspect.isclass(v)]),
        ):
            if not chosen:
                continue
            lines += [f"## {heading}", "", "```{eval-rst}"]
            lines += [f".. currentmodule:: skgeo.{package}", "", ".. autosummary::"]
            lines += ["   :toctree: generated", "", *(f"   {n}" for n in chosen)]
            lines += ["```", ""]
        (PAGES / f"{package}.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
