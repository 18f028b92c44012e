"""Names given by people: any case, near matches for unknown ones."""

import difflib

__all__ = ["near_matches", "pick_name", "pick_names", "printable"]


def printable(text) -> str:
    """Return a text without characters that a terminal would obey.

    Parameters
    ----------
    text : object
        Anything; its string is taken.

    Returns
    -------
    text : str
        Control characters, line breaks and marks of direction as their escapes.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def near_matches(name, known, n=4):
    """Find the known names nearest to a name.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What there is.
    n : int, default=4
        Maximum number of matches.

    Returns
    -------
    matches : list of str
        Nearest first; empty if nothing is near.
    """

    def plain(text):
        return "".join(filter(str.isalnum, text.lower()))

    by_plain = {}
    for item in known:
        by_plain.setdefault(plain(item), item)
    wanted = plain(name)
    near = difflib.get_close_matches(wanted, by_plain, n=n, cutoff=0.6)
    if len(wanted) >= 3:
        near += [key for key in sorted(by_plain) if wanted in key and key not in near]
    return [by_plain[key] for key in near[:n]]


def pick_name(name, known, kind):
    """Find a name whatever its case.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What there is.
    kind : str
        What the names name, for the message.

    Returns
    -------
    name : str
        The name as it is known.

    Raises
    ------
    ValueError
        If there is none; the message lists the nearest ones.
    """
    known = list(dict.fromkeys(known))
    if name in known:
        return name
    alike = [item for item in known if item.lower() == str(name).lower()]
    if len(alike) == 1:
        return alike[0]
    near = near_matches(str(name), known)
    if near:
        hint = f"Did you mean {', '.join(near)}?"
    elif len(known) <= 20:
        hint = f"Known: {', '.join(known)}."
    else:
        hint = f"There are {len(known)}, none with a name like it."
    raise ValueError(f"Unknown {kind} {name!r}. {hint}")


def pick_names(names, known, kind):
    """Find several names, each once, in the order asked for.

    Parameters
    ----------
    names : iterable of str
        What was asked for.
    known : iterable of str
        What there is.
    kind : str
        What the names name, for the message.

    Returns
    -------
    names : list of str
        The names as they are known.

    Raises
    ------
    ValueError
        If one is unknown, or none is given.
    """
    known = list(known)
    found = list(dict.fromkeys(pick_name(name, known, kind) for name in names))
    if not found:
        raise ValueError(f"No {kind} given. Known: {', '.join(known)}.")
    return found
