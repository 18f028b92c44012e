"""
A memory of fixed size
======================

Thirty-two numbers that are updated with every sample hold the last second of a signal.
"""

# %%
# Read a window back
# ------------------
# The states of a sliding window are its Legendre coefficients. Five sines between 1
# and 7 Hz at 500 Hz; the more states, the faster an oscillation may be.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.dynamics import HiPPOProjector

rng = np.random.default_rng(2)
t = np.arange(2000) / 500
u = sum(
    rng.standard_normal() * np.sin(2 * np.pi * f * t + rng.uniform(0, 6))
    for f in (1, 2, 3, 5, 7)
)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.plot(t[-500:], u[-500:], color="0.6", linewidth=4, label="signal")
sizes, errors = (8, 12, 16, 20, 24, 28, 32, 40, 48), []
for n_states in sizes:
    memory = HiPPOProjector(n_states, window=1.0, output="last", sfreq=500.0)
    window = memory.inverse_transform(memory.fit_transform(u[None, None]))[0, 0]
    errors.append(np.linalg.norm(window - u[-500:]) / np.linalg.norm(u[-500:]))
    if n_states in (16, 24, 32):
        left.plot(t[-500:], window, label=f"{n_states} states", linewidth=1)
left.set(xlabel="time (s)", title="The last second, read back")
left.legend()
right.semilogy(sizes, errors, "o-")
right.set(xlabel="states", ylabel="relative error of the window")
plt.show()

# %%
# Beyond 32 states the error stops falling: what is left comes from treating the signal
# as constant within a step, and only faster sampling lowers it.
#
# As a stream
# -----------
# Fed sample by sample, the states are the same as those of the whole signal.

memory = HiPPOProjector(32, window=1.0, output="last", sfreq=500.0)
whole = memory.fit_transform(u[None, None])[0]
for sample in u:
    states = memory.update([sample])
print(f"largest difference {np.abs(states - whole).max():.1e}")
