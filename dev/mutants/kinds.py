"""What a kind of fault is, and when a finding of verify names it."""

import re
from dataclasses import dataclass

import torch

# Words that people use for the same thing; a finding needs one of each group that its kind asks for.
Q, K, V = r"\bq\b|quer", r"\bk\b|\bkey", r"\bv\b|\bvalue"
# A permutation that is spelled out names heads as well as their word does.
HEADS = r"head|rolled by|revers|permuted|in the order"
ORDER = (
    r"permut|order|shuffl|rearrang|exchang|swap|rotat|roll|revers|shift|moved|interleav|laid out|layout|stored as|mixed|turned|flip"
    r"|read as|taken as|comes? (first|last)"
)
SWAP = r"exchang|swap|interchang|mixed|each other|the other|order|permut|read as|taken as|rotat|roll"
TRANSPOSED = r"transpos"
FLIP = r"flip|mirror|revers|turn|upside|rotat|order|permut|transpos"
SIGN = r"sign|negat|minus|-1\b|−1|factor"
FACTOR = r"factor|times|scal|multipl|divid|twice|doubl|halv|half of|sqrt|√|×|square root"
ZERO = r"zero|missing|absent|without|lacks|no bias|lost|\b0\b"
ONES = r"\bones?\b|identity|initial|\b1\b|untrained"
COPY = r"copy|copies|copied|equal|same (values|as)|identical|belongs to|taken from|repeats|holds the"
OTHER = (
    r"initial|fresh|untrained|random|drawn|not trained|not the trained|other values|another training|replaced|stale|differs? from|unlike"
    r"|too (small|large)|are (lost|wrong)|is (lost|wrong)"
)
SMALL = r"small|slightly|a little|average|ema|older|other values|stale|noise|differs?|rounding|changed"
HALF = {"bf16": r"bf16|bfloat16|brain", "f16": r"\bf16\b|\bfp16\b|float16|half"}
ROUNDED = r"round|precision|bits|quanti|cast|stored"
ONE = r"one (value|element|weight|number|entry|row|column)|single|a value|element|1 (value|element)|only|alone"
NOT_FINITE = r"\bnan\b|infin|not finite|non-finite|\binf\b"
EVERY = r"all blocks|every block|each block|blocks 0|whole model|everywhere|throughout"


def full_name(arch, block, name):
    """The canonical name of what a kind calls name: a part of a block, table, last_norm.weight, head.bias, or a name as it is."""
    if name.startswith("@"):
        other, _, rest = name[1:].partition(" ")
        return full_name(arch, (block + int(other)) % arch.depth, rest)
    if name == "table":
        return arch.table_name(block)
    for short, long in (("last_norm.", arch.norm_name + "."), ("head.", arch.head_name + ".")):
        if name.startswith(short):
            return long + name[len(short) :]
    if re.match(r"attn\.|mlp\.|norm[12]\.|gamma_", name):
        return f"blocks.{block}.{name}"
    return name


@dataclass(frozen=True)
class Says:
    """One right way to name a fault: the tensors that it must list, those that it may list, and words, a group after each &."""

    need: tuple
    words: tuple
    also: tuple = ()

    def matches(self, finding, arch, block):
        text = " ".join([finding["hypothesis"], finding["sentence"], finding.get("advice", ""), *finding["repair"]]).lower()
        if not all(re.search(group, text) for group in self.words):
            return False
        need = {full_name(arch, block, name) for name in self.need}
        listed = set(finding["tensors"])
        if not listed:
            return all(name.split(".", 2)[-1] in text or name in text for name in need)
        return need <= listed and all(self.may(name, need, arch, block) for name in listed)

    def may(self, name, need, arch, block):
        """Reports whether name may be among the tensors of the finding. Of other blocks the same parts may be."""
        if name in need or "*" in self.also:
            return True
        part = re.sub(r"^blocks\.\d+\.", "", name)
        allowed = [re.sub(r"^blocks\.\d+\.", "", full_name(arch, block, also)) for also in (*self.need, *self.also)]
        return part in allowed


def says(need, words, also=""):
    """Groups of words are separated by " & "; each is a regular expression."""
    return Says(
        tuple(part.strip() for part in need.split(",") if part.strip()),
        tuple(words.split(" & ")),
        tuple(part.strip() for part in also.split(",") if part.strip()),
    )


@dataclass(frozen=True)
class Kind:
    """A fault. scope is block (planted into some blocks) or model; kept says whether the information is still there; permutes whether mending it must
    restore every bit."""

    name: str
    family: str
    kept: bool
    change: object
    names: tuple
    scope: str = "block"
    permutes: bool = False
    program: bool = False
    models: tuple = ()
    depends: bool = False
    arguments: tuple = ()

    def named(self, finding, arch, block):
        return any(way.matches(finding, arch, block) for way in self.names)


class Absent(KeyError):
    """The model has no such parameter, so the kind is not for it."""


class Site:
    """Where a fault is planted: the weights, by short names, of one block."""

    def __init__(self, arch, weights, block, generator):
        self.arch, self.weights, self.block, self.generator = arch, weights, block, generator
        self.c, self.n, self.d = arch.dim, arch.heads, arch.head_dim

    def full(self, name):
        return full_name(self.arch, self.block, name)

    def __getitem__(self, name):
        try:
            return self.weights[self.full(name)]
        except KeyError:
            raise Absent(name) from None

    def __setitem__(self, name, value):
        old = self[name]
        if value.shape != old.shape:
            raise ValueError(f"{name}: {tuple(value.shape)} for {tuple(old.shape)}")
        self.weights[self.full(name)] = value.to(old.dtype).clone().contiguous()

    def __delitem__(self, name):
        self[name]
        del self.weights[self.full(name)]

    def edit(self, name, change):
        self[name] = change(self[name].clone())

    def swap(self, one, other):
        self[one], self[other] = self[other].clone(), self[one].clone()

    def normal(self, like, spread):
        return torch.randn(like.shape, generator=self.generator) * spread
