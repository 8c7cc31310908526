"""The tables: by family and by mode, what is missed, and the totals beside the targets."""

from collections import defaultdict

# What must hold: in the end, and in a short run, which has few cases of each. The bars of the short run rise with what verify learns to name.
TARGETS = {
    "false alarms": (0.0, 0.05, "of what is honest or changes nothing, fails or is refused"),
    "found": (1.0, 0.97, "of what exceeds twice the honest rounding at its stage"),
    "right place": (0.99, 0.95, "of the found, where there is more than logits"),
    "named, information kept": (0.95, 0.90, "with activations"),
    "named, all": (0.85, 0.85, "with activations"),
    "named, logits alone": (0.60, 0.45, ""),
    "both of a pair": (0.90, 0.60, ""),
    "repaired and verified": (0.95, 0.85, "of what keeps its information, in checkpoints"),
}


def share(rows, key):
    rows = [r for r in rows if r[key] is not None]
    return sum(bool(r[key]) for r in rows) / len(rows) if rows else None


def percent(value, none="-"):
    return none if value is None else f"{100 * value:.1f} %"


def counts(rows, key):
    rows = [r for r in rows if r[key] is not None]
    return f"{sum(bool(r[key]) for r in rows)}/{len(rows)}" if rows else "-"


def faults(rows):
    return [r for r in rows if r["group"] == "fault" and r["must"]]


def alarms(rows):
    """What is right and does not pass."""
    right = [r for r in rows if r["group"] in ("honest", "harmless") or r["group"] == "fault" and r["nothing"]]
    return right, [r for r in right if r["code"] != 0]


def totals(rows):
    planted, right, failing = faults(rows), *alarms(rows)
    pairs = [r for r in rows if r["group"] == "pair" and r["must"]]
    taps = [r for r in planted if not r["mode"].startswith("logits")]
    return {
        "false alarms": len(failing) / len(right) if right else None,
        "found": share(planted + pairs, "found"),
        "right place": share([r for r in taps if r["found"]], "place"),
        "named, information kept": share([r for r in taps if r["kept"]], "named"),
        "named, all": share(taps, "named"),
        "named, logits alone": share([r for r in planted if r["mode"].startswith("logits")], "named"),
        "both of a pair": share(pairs, "named"),
        "repaired and verified": share(planted, "repaired"),
    }


def missed(rows, short):
    """The names of the targets that are missed, or in a short run of its bars."""
    found, at = totals(rows), 1 if short else 0
    return [
        name
        for name, target in TARGETS.items()
        if found[name] is not None and (found[name] > target[at] if name == "false alarms" else found[name] < target[at])
    ]


def by(rows, key):
    groups = defaultdict(list)
    for r in rows:
        groups[key(r)].append(r)
    return sorted(groups.items())


COLUMNS = ("planted", "found", "right place", "named", "named, kept", "repaired", "equal bits", "refused", "findings elsewhere", "s each")


def line(cells):
    return f"| {' | '.join(map(str, cells))} |"


def lines(rows, key, title):
    yield line([title, *COLUMNS])
    yield "|---" * (1 + len(COLUMNS)) + "|"
    for name, group in by([r for r in rows if r["group"] in ("fault", "pair") and r["must"]], key):
        yield line(
            [
                name,
                len(group),
                counts(group, "found"),
                counts([r for r in group if r["found"]], "place"),
                counts(group, "named"),
                counts([r for r in group if r["kept"]], "named"),
                counts(group, "repaired"),
                counts(group, "equal"),
                sum(r["refused"] for r in group),
                sum(r["extra"] for r in group),
                f"{sum(r['seconds'] for r in group) / len(group):.2f}",
            ]
        )


def side(r):
    return r["family"] + (", of the program" if r["program"] and r["group"] == "fault" else "")


def report(rows, seconds):
    """The whole report in Markdown."""
    right, failing = alarms(rows)
    below = [r for r in rows if r["group"] in ("fault", "pair") and not r["must"] and not r["nothing"]]
    yield "| total | here | must be | |"
    yield "|---|---|---|---|"
    found = totals(rows)
    for name, (target, _, what) in TARGETS.items():
        yield f"| {name} | {percent(found[name])} | {'at least ' if target else ''}{percent(target)} | {what} |"
    yield ""
    yield f"{len(rows)} runs in {seconds / 60:.0f} minutes; {len(right)} of what is right, {len(failing)} of it fail."
    yield f"{len(below)} planted faults are below twice the honest rounding, {sum(r['found'] for r in below)} of them found."
    yield ""
    yield from lines(rows, side, "with all modes, by family")
    yield ""
    yield from lines([r for r in rows if not r["mode"].startswith("logits")], side, "with activations, by family")
    yield ""
    yield from lines(rows, lambda r: r["mode"], "by mode")
    yield ""
    yield from lines(rows, lambda r: r["model"], "by model")
    yield ""
    for group in ("honest", "harmless"):
        some = [r for r in right if r["group"] == group]
        yield f"{group}: {len(some)} runs, {sum(r['code'] == 1 for r in some)} fail, {sum(r['refused'] for r in some)} refused"


def kinds(rows):
    """For each kind what is named and what not, the worst first."""
    yield line(["kind", "kept", "planted", "found", "right place", "named", "named, logits alone", "repaired"])
    yield "|---" * 8 + "|"

    def of(r):
        return r["case"].split("/")[1].split("@")[0]

    def seen(group):
        return [r for r in group if not r["mode"].startswith("logits")]

    groups = by([r for r in rows if r["group"] == "fault" and r["must"]], of)
    for name, group in sorted(groups, key=lambda g: (share(seen(g[1]), "named") or 0, g[0])):
        taps, alone = seen(group), [r for r in group if r["mode"].startswith("logits")]
        yield line(
            [
                name,
                "yes" if group[0]["kept"] else "no",
                len(group),
                counts(group, "found"),
                counts([r for r in taps if r["found"]], "place"),
                counts(taps, "named"),
                counts(alone, "named"),
                counts(group, "repaired"),
            ]
        )


def failures(rows):
    """A line for each failure, with how to see it again."""
    for r in rows:
        wrong = []
        if r in alarms([r])[1]:
            wrong.append("refused" if r["refused"] else "false alarm")
        elif r["must"]:
            wrong += [
                word
                for word, ok in (
                    ("not found", r["found"]),
                    ("wrong place", r["place"] or not r["found"]),
                    ("not named", r["named"]),
                    ("not repaired", r["repaired"] is not False),
                    ("repaired to other bits", r["equal"] is not False),
                )
                if not ok
            ]
        if r["problem"]:
            wrong.append(r["problem"])
        if wrong:
            at = r["stages"][0] if r["stages"] else "-"
            said = "; ".join(r["said"])[:300] or f"first divergence {r['first']}"
            yield f"make mutants SEED={r.get('seed', 0)} CASE='{r['case']}'  # {', '.join(wrong)}; {at}, {r['ratio']:.3g} x rounding; says: {said}"
