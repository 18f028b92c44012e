"""The shipped EEG recording as a MOABB data set."""

from collections.abc import Sequence
from typing import Any

from skgeo.datasets._eeg.embedded_eeg import (
    DATA_FILE,
    RUNS,
    _chosen_channels,
    read_recording,
)
from skgeo.utils.optional import import_optional

mne = import_optional("mne", extra="eeg")
moabb_base = import_optional("moabb.datasets.base", extra="eeg")

__all__ = ["EmbeddedMotorImagery"]

EVENTS = {"rest": 1, "left_hand": 2, "right_hand": 3, "hands": 4, "feet": 5}


class EmbeddedMotorImagery(moabb_base.BaseDataset):  # type: ignore[name-defined]
    """Motor imagery of one volunteer, shipped with skgeo: no download.

    Subject 1 of the EEG Motor Movement/Imagery Dataset [1]_ [2]_: six imagery runs of
    15 trials, three of them left against right fist, three of them both fists against
    both feet; 64 electrodes, 160 Hz. The signals are those of MOABB's ``PhysionetMI``.

    Parameters
    ----------
    channels : {"all", "motor"} or sequence of str, default="all"
        All 64 electrodes, the 21 over the sensorimotor cortex, or names.
    sessions : {"one", "blocks"}, default="one"
        How the runs are grouped. They were recorded in one sitting, hence one session;
        ``"blocks"`` calls each block of two consecutive runs (one of each task) a
        session of its own, so that cross-session evaluation has something to cross:
        the three blocks are minutes apart, not days.

    Attributes
    ----------
    ch_names : list of str
        Names of the channels.
    sfreq : float
        Sampling frequency in Hz.
    license : str
        License of the recording.

    See Also
    --------
    load_embedded_eeg : The trials as arrays, without MNE and MOABB.

    References
    ----------
    .. [1] G. Schalk et al. (2004). BCI2000: a general-purpose brain-computer
       interface (BCI) system. IEEE Trans. Biomed. Eng. 51(6):1034-1043.
    .. [2] A. L. Goldberger et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet.
       Circulation 101(23):e215-e220.

    Examples
    --------
    >>> from moabb.paradigms import LeftRightImagery
    >>> from skgeo.datasets import EmbeddedMotorImagery
    >>> dataset = EmbeddedMotorImagery(channels="motor")
    >>> X, y, metadata = LeftRightImagery().get_data(dataset)
    >>> X.shape
    (45, 21, 481)
    """

    license = "ODC-By-1.0"

    def __init__(
        self, channels: str | Sequence[str] = "all", sessions: str = "one"
    ) -> None:
        if sessions not in ("one", "blocks"):
            raise ValueError(f"sessions must be 'one' or 'blocks'; got {sessions!r}.")
        names = read_recording()["ch_names"]
        self.channels = channels
        self.sessions = sessions
        self._picks = _chosen_channels(channels, names)
        self.ch_names = [names[i] for i in self._picks]
        self.sfreq = read_recording()["sfreq"]
        # MOABB keys stored results by the code: another selection is another code.
        code = "EmbeddedMotorImagery"
        if len(self._picks) < len(names):
            chosen = [names[i] for i in self._picks]
            code += "-" + (
                channels if isinstance(channels, str) else "-".join(chosen).lower()
            )
        if sessions == "blocks":
            code += "-blocks"
        super().__init__(
            subjects=[1],
            sessions_per_subject=1 if sessions == "one" else 3,
            events=dict(EVENTS),
            code=code,
            interval=[0, 3],
            paradigm="imagery",
            doi="10.13026/C28G6P",
        )

    def _raw(self, position):
        recording = read_recording()
        run = int(recording["runs"][position])
        gain, offset = recording["calibration"]
        names = [recording["ch_names"][i] for i in self._picks]
        signal = recording["digital"][position, self._picks]
        info = mne.create_info(names, recording["sfreq"], "eeg")
        raw = mne.io.RawArray((gain * signal + offset) * 1e-6, info, verbose="error")
        nasion, lpa, rpa = recording["fiducials"]
        raw.set_montage(
            mne.channels.make_dig_montage(
                dict(zip(names, recording["positions"][self._picks], strict=True)),
                nasion=nasion,
                lpa=lpa,
                rpa=rpa,
                coord_frame="mri",
            )
        )
        meaning = ("rest", *RUNS[run])
        rows = recording["events"][recording["events"][:, 0] == run, 1:]
        sfreq = recording["sfreq"]
        raw.set_annotations(
            mne.Annotations(
                onset=rows[:, 0] / sfreq,
                duration=rows[:, 1] / sfreq,
                description=[meaning[code] for code in rows[:, 2]],
            )
        )
        return raw

    def _get_single_subject_data(self, subject):
        raws = [self._raw(position) for position in range(len(RUNS))]
        if self.sessions == "one":
            return {"0": {str(i): raw for i, raw in enumerate(raws)}}
        return {
            str(block): {str(i): raws[2 * block + i] for i in range(2)}
            for block in range(3)
        }

    def data_path(
        self,
        subject: int,
        path: Any = None,
        force_update: bool = False,
        update_path: Any = None,
        verbose: Any = None,
    ) -> Any:
        """Return the path of the shipped file.

        Parameters
        ----------
        subject : int
            Number of the subject: 1.
        path, force_update, update_path, verbose : object
            Not used; MOABB hands them over.

        Returns
        -------
        paths : list of str
            One path.
        """
        if subject not in self.subject_list:
            raise ValueError(f"The only subject is 1; got {subject!r}.")
        return [str(DATA_FILE)]
