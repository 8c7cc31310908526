"""Writes relations.json: pairs of small arrays of which NumPy made one from the other.

    python relations.py > relations.json
"""

import json

import numpy as np

rng = np.random.default_rng(7)


def cases():
    v = rng.standard_normal(24).astype(np.float32)
    m = rng.standard_normal((12, 8)).astype(np.float32)
    s = rng.standard_normal((8, 8)).astype(np.float32)
    k = rng.standard_normal((6, 3, 4, 4)).astype(np.float32)
    p = np.array([5, 2, 11, 0, 7, 1, 10, 3, 8, 4, 9, 6])
    yield "B is A rounded to F16", m, m.astype(np.float16)
    yield "B is A rounded to F32", m.astype(np.float64) / 3, (m.astype(np.float64) / 3).astype(np.float32)
    yield "B is A rounded to F16", m.astype(np.float64) / 3, (m.astype(np.float64) / 3).astype(np.float16)
    yield "B is A rounded to BF16", m, bf16(m)
    yield "B is A cut off to BF16, not rounded", m, (m.view(np.uint32) & 0xFFFF0000).view(np.float32)
    yield "A is B rounded to F16", v.astype(np.float16), v
    yield "B is A transposed", m, m.T
    yield "B is A transposed", s, s.T
    yield "B is A reshaped where it should have been transposed", m, m.T.reshape(m.shape)
    yield "B is A reshaped where it should have been transposed", m, m.reshape(m.T.shape)
    yield "B is A transposed, rounded to F16", s, s.T.astype(np.float16)
    yield "B is A with slices of axis 2 and slices of axis 3 exchanged", k, k.transpose(0, 1, 3, 2)
    yield "B is A with slices of axis 1 reversed", k, k[:, ::-1]
    yield "B is A with slices of axis 2 reversed, with slices of axis 3 reversed", k, np.rot90(k, 2, (2, 3))
    yield "B is A with rows reversed", m, np.flipud(m)
    yield "B is A with columns reversed", m, np.fliplr(m)
    yield "B is A with rows rolled by 2", m, np.roll(m, 2, 0)
    yield "B is A with values rolled by -3", v, np.roll(v, -3)
    yield "B is A with rows in the order 5, 2, 11, 0, 7, 1, 10, 3, 8, 4, 9, 6", m, m[p]
    yield "B is A with rows in the order 5, 2, 11, 0, 7, 1, 10, 3, 8, 4, 9, 6, rounded to F16", m, m[p].astype(np.float16)
    yield "B is A scaled by 8", m, m * np.float32(8)
    yield "B is A scaled by 0.0361", m, m * np.float32(0.0361)
    yield "B is A scaled by 0.353553", m, m / np.sqrt(np.float32(8))
    yield "B is A scaled by 0.0361, rounded to F16", m, (m * np.float32(0.0361)).astype(np.float16)
    yield "B is A negated", m, -m
    yield "B is A with 0.5 added to each value", v, v + np.float32(0.5)
    yield "B is A scaled by -2, with 1 added to each value", v, np.float32(1) - np.float32(2) * v
    yield "B is A with each row scaled by a factor of its own, from 1 to 12", m, m * np.arange(1, 13, dtype=np.float32)[:, None]
    yield "B is A with each column scaled by a factor of its own, from 1 to 8", m, m * np.arange(1, 9, dtype=np.float32)
    yield "B is all zero", m, np.zeros_like(m)
    yield "B is one throughout", m, np.ones_like(m)
    yield "B is 0.1 throughout", v, np.full_like(v, 0.1)
    yield "B is A but for row 3, which is all zero", m, put(m, 3, 0)
    yield "B is A but for row 3, which is negated", m, put(m, 3, -m[3])
    yield "B is A but for columns 2 to 4, which are scaled by 4", m, put(m, (slice(None), slice(2, 5)), m[:, 2:5] * np.float32(4))
    yield "B is A but for one value, at [1, 2]: 0.25, not 0.5", put(m, (1, 2), 0.5), put(m, (1, 2), 0.25)
    yield "B does not follow from A", m, rng.standard_normal(m.shape).astype(np.float32)


def bf16(values):
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def put(values, where, what):
    changed = values.copy()
    changed[where] = what
    return changed


def listed(values):
    return {"shape": values.shape, "values": values.astype(np.float64).ravel().tolist()}


print(json.dumps([{"want": want, "a": listed(a), "b": listed(b)} for want, a, b in cases()], separators=(",", ":")))
