"""Build the recording that ships in ``skgeo/datasets/data`` from its EDF files.

Usage, from the root of the repository::

    python -m tools.make_embedded_eeg FOLDER_OF_EDF_FILES

FOLDER_OF_EDF_FILES holds ``S001R04.edf`` ... ``S001R14.edf`` of the EEG Motor
Movement/Imagery Dataset (https://physionet.org/content/eegmmidb/1.0.0/S001/).  Needs
``edfio``, and ``mne`` for the template positions of the electrodes.

The signals are integers.  What is stored is, losslessly, the difference in time of the
difference between neighbors in the list of channels; differences of either sign are
folded onto non-negative codes, and low and high bytes are kept apart, so that deflate
finds long runs of alike bytes.  The file is the same for the same version of zlib.
"""

import argparse
import hashlib
import pathlib

import edfio
import mne
import numpy as np

from skgeo.datasets._eeg.embedded_eeg import DATA_FILE, RUNS

CHECKSUMS = {
    4: "3d161f88e1c00632585287d2ce584c2bc0f08862438eb255ea8723e00fac693d",
    6: "5369364f2c4e81ca141679d6dd2ba6ece61c7eb53d7fae31241b308876e1b6b3",
    8: "358fb5189220725141968ae285fbe9e3f36210b834ffba71d940af308e3aca68",
    10: "20de1c7746c2349d16bda5e9f1b0ac7b7ad1581102a2e30dd2ac422696f62fb1",
    12: "2b281c9b687b4c4176e83251d74743721f2d6ebd76656a972a3b9c44d9d88cd5",
    14: "2110c48e3106898e3dbca47e39b330637afd3d3b8bc2da3ba1e44f4ac1118137",
}
# Names of the 10-05 system that are not all capitals, by their capitals.
MIXED_CASE = {
    f"{start}{end}".upper(): f"{start}{end}"
    for start in ("AF", "C", "CP", "F", "FC", "Fp", "I", "O", "P", "PO")
    for end in ("z", "1", "2")
    if end == "z" or start == "Fp"
}


def fold(differences):
    """Map 0, -1, 1, -2, 2, ... onto 0, 1, 2, 3, 4, ... (uint16)."""
    wide = differences.astype(np.int32)
    return ((wide << 1) ^ (wide >> 31)).astype(np.uint16)


def encode(digital):
    """Encode integers (n_runs, n_channels, n_times) as low and high bytes of codes."""
    d = np.diff(digital.astype(np.int32), axis=2, prepend=0)
    codes = fold(np.diff(d, axis=1, prepend=0))
    return (codes & 0xFF).astype(np.uint8), (codes >> 8).astype(np.uint8)


def read_run(path, checksum):
    """Read one EDF file: integers, names, calibration, rate, events."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != checksum:
        raise SystemExit(f"{path}: sha256 is {found}, expected {checksum}.")
    edf = edfio.read_edf(path)
    rates = {signal.sampling_frequency for signal in edf.signals}
    ranges = {(*s.physical_range, *s.digital_range) for s in edf.signals}
    units = {signal.physical_dimension for signal in edf.signals}
    if len(rates) != 1 or len(ranges) != 1 or units != {"uV"}:
        raise SystemExit(f"{path}: unlike channels: {rates}, {ranges}, {units}.")
    low, high, digital_low, digital_high = ranges.pop()
    gain = (high - low) / (digital_high - digital_low)
    names = [signal.label.strip(".").upper() for signal in edf.signals]
    sfreq = rates.pop()
    events = [
        (round(a.onset * sfreq), round(a.duration * sfreq), int(a.text[1]))
        for a in edf.annotations
    ]
    return {
        "digital": np.stack([signal.digital for signal in edf.signals]),
        "names": [MIXED_CASE.get(name, name) for name in names],
        "calibration": (gain, low - gain * digital_low),
        "sfreq": sfreq,
        "events": events,
        "date": str(edf.startdate),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=DATA_FILE)
    arguments = parser.parse_args()

    runs = [
        read_run(arguments.folder / f"S001R{run:02d}.edf", CHECKSUMS[run])
        for run in RUNS
    ]
    first = runs[0]
    for key in ("names", "calibration", "sfreq", "date"):
        if any(run[key] != first[key] for run in runs):
            raise SystemExit(f"The runs differ in {key}.")
    # The template was called standard_1005 before MNE 1.13; the positions are the same.
    known = mne.channels.get_builtin_montages()
    template = "colin27_1005" if "colin27_1005" in known else "standard_1005"
    montage = mne.channels.make_standard_montage(template).get_positions()
    low, high = encode(np.stack([run["digital"] for run in runs]))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        arguments.output,
        low=low,
        high=high,
        runs=np.array(list(RUNS), dtype=np.int16),
        ch_names=np.array(first["names"]),
        calibration=np.array(first["calibration"]),
        sfreq=np.float64(first["sfreq"]),
        # run, first sample, number of samples, code T0, T1 or T2
        events=np.array(
            [
                (run, *event)
                for run, read in zip(RUNS, runs, strict=True)
                for event in read["events"]
            ],
            dtype=np.int32,
        ),
        positions=np.array([montage["ch_pos"][name] for name in first["names"]]),
        fiducials=np.array([montage[name] for name in ("nasion", "lpa", "rpa")]),
        date=np.array(first["date"]),
    )
    digest = hashlib.sha256(arguments.output.read_bytes()).hexdigest()
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")
    print(f"sha256 {digest}  (SHA256 in skgeo/datasets/_eeg/embedded_eeg.py)")


if __name__ == "__main__":
    main()
