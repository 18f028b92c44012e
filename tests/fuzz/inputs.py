"""Input as users bring it: odd shapes, dtypes, contents, containers."""

import importlib.util
import tempfile

import numpy as np

ROWS = (0, 1, 2, 3, 4, 6, 12, 25, 25, 40, 40)
COLUMNS = (0, 1, 2, 3, 3, 4, 4, 9, 25)
CONTENTS = (
    *["normal"] * 6,
    "constant",
    "zeros",
    "rank one",
    "ties",
    "duplicates",
    "offset",
    "denormal",
    "1e-150",
    "1e150",
    "1e-30",
    "1e30",
    "mixed scales",
    "outlier",
    "nan",
    "inf",
)
DTYPES = (*["float64"] * 8, "float32", "float16", "int64", "int8", "uint8", "bool")
ODD_DTYPES = ("longdouble", "object", "str", "complex128")
CONTAINERS = (
    *["array"] * 8,
    "fortran",
    "read only",
    "negative strides",
    "list",
    "memmap",
    "frame",
    "nullable frame",
    "arrow frame",
)


def _scaled(rng, X, content):
    """Change ordinary numbers into those of a kind of content."""
    if X.size == 0:
        return X
    last = X.shape[-1]
    if content == "constant":
        return np.full_like(X, rng.choice([1.0, -3.5, 1e8]))
    if content == "zeros":
        return np.zeros_like(X)
    if content == "rank one":
        return X.reshape(-1, last)[:, :1].reshape(*X.shape[:-1], 1) * rng.normal(
            size=last
        )
    if content == "ties":
        return np.round(X)
    if content == "duplicates":
        return X[rng.integers(0, max(len(X) // 3, 1), size=len(X))]
    if content == "offset":
        return X + 1e6
    if content == "denormal":
        return X * 1e-310
    if content in ("1e-150", "1e150", "1e-30", "1e30"):
        return X * float(content)
    if content == "mixed scales":
        return X * 10.0 ** rng.integers(-150, 150, size=last)
    X = X.copy()
    spot = tuple(rng.integers(0, n) for n in X.shape)
    if content == "outlier":
        X[spot] = rng.choice([9999.0, -1e8, 1e15])
    elif content == "nan":
        X[spot] = np.nan
    elif content == "inf":
        X[spot] = np.inf
    return X


def _as_dtype(rng, X, describe):
    """Cast, now and then to something odd."""
    dtype = rng.choice(ODD_DTYPES) if rng.random() < 0.03 else rng.choice(DTYPES)
    describe.append(str(dtype))
    with np.errstate(all="ignore"):
        if dtype in ("int64", "int8", "uint8"):
            return np.nan_to_num(np.clip(X * 10, -100, 100)).astype(dtype)
        return X.astype(dtype)


def _contained(rng, X, describe):
    """Put an array into a container."""
    kind = rng.choice(CONTAINERS)
    describe.append(str(kind))
    if kind == "fortran":
        return np.asfortranarray(X)
    if kind == "read only":
        X = X.copy()
        X.flags.writeable = False
        return X
    if kind == "negative strides":
        return np.ascontiguousarray(X[::-1])[::-1]
    if kind == "list":
        return X.tolist()
    if kind == "memmap" and X.size and X.dtype.kind in "fiub":
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            np.save(file.name, X)
            return np.load(file.name, mmap_mode="r")
    if kind.endswith("frame") and X.ndim == 2 and X.dtype.kind in "fiub":
        return _frame(kind, X)
    return X


def _frame(kind, X):
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return X
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    if kind == "nullable frame":
        return frame.convert_dtypes()
    if kind == "arrow frame" and importlib.util.find_spec("pyarrow"):
        return frame.convert_dtypes(dtype_backend="pyarrow")
    return frame


def table(rng, n_columns=None):
    """Draw a table, with words for it."""
    n = int(rng.choice(ROWS))
    d = int(rng.choice(COLUMNS)) if n_columns is None else n_columns
    content = rng.choice(CONTENTS)
    describe = [f"({n}, {d})", str(content)]
    with np.errstate(all="ignore"):
        X = _scaled(rng, rng.standard_normal((n, d)), content)
    X = _as_dtype(rng, X, describe)
    return _contained(rng, X, describe), describe


def trials(rng):
    """Draw trials of shape (n_trials, n_channels, n_times)."""
    shape = (
        int(rng.choice((0, 1, 2, 4, 8, 16, 24))),
        int(rng.choice((0, 1, 2, 3, 5))),
        int(rng.choice((0, 1, 5, 20, 60))),
    )
    content = rng.choice(CONTENTS)
    describe = [str(shape), str(content)]
    with np.errstate(all="ignore"):
        X = _scaled(rng, rng.standard_normal(shape), content)
    X = _as_dtype(rng, X, describe)
    return _contained(rng, X, describe), describe


def matrices(rng):
    """Draw symmetric matrices, most of them positive definite."""
    n, d = int(rng.choice((0, 1, 2, 5, 12))), int(rng.choice((0, 1, 2, 4)))
    A = rng.standard_normal((n, d, int(rng.choice((1, d + 2)))))
    content = rng.choice(CONTENTS)
    with np.errstate(all="ignore"):
        C = _scaled(rng, A @ A.transpose(0, 2, 1), content)
    describe = [str(C.shape), str(content)]
    return _contained(rng, C, describe), describe


def labels(rng, n, describe):
    """Draw class labels, now and then unusable ones."""
    kind = rng.choice(
        [*["int"] * 6, "str", "three", "one", "float", "nan", "mixed", "bool", "short"]
    )
    describe.append(f"y: {kind}")
    y = rng.integers(0, 2, size=n)
    if n > 1:
        y[:2] = 0, 1
    if kind == "str":
        return np.array(["left", "right"])[y]
    if kind == "three":
        return rng.integers(0, 3, size=n)
    if kind == "one":
        return np.zeros(n, dtype=int)
    if kind == "float":
        return y + 0.5 * (rng.random() < 0.5)
    if kind == "nan":
        return np.where(rng.random(n) < 0.2, np.nan, y)
    if kind == "mixed":
        return np.array([["a", 1][v] for v in y], dtype=object)
    if kind == "bool":
        return y.astype(bool)
    if kind == "short":
        return y[:-1]
    return y


def targets(rng, n, describe):
    """Draw targets of a regression."""
    kind = rng.choice([*["normal"] * 6, "constant", "int", "nan", "1e-150", "1e150"])
    describe.append(f"y: {kind}")
    y = rng.standard_normal(n)
    if kind == "constant":
        return np.full(n, 1e8)
    if kind == "int":
        return np.round(3 * y).astype(int)
    if kind == "nan" and n:
        y[0] = np.nan
    if kind in ("1e-150", "1e150"):
        return y * float(kind)
    return y
