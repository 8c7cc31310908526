"""Plants faults into checkpoints and programs, runs `beitzoo verify` on each, and prints what it finds, where, and under which name."""

import argparse
import concurrent.futures
import fnmatch
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback

import cases
import checkpoints
import honest
import judge
import models
import plant
import programs
import table
import torch
import upernet
import upernet_cases
import upernet_kinds

WORKER = None
PLANNED = []


def begin(beitzoo, folder, cache, threads):
    global WORKER
    torch.set_num_threads(threads)
    own = tempfile.mkdtemp(dir=folder)
    WORKER = judge.Judge(beitzoo, plant.Planter(own, cache), threads)


def one(number):
    """The outcome of one case as a dict, or None. What goes wrong here rather than in verify is told at the end, so that it does not lose a long run."""
    case = PLANNED[number]
    try:
        outcome = case.judge(WORKER) if isinstance(case, upernet_cases.Case) else WORKER.judge(case)
    except Exception:
        return {"broken": case.name, "why": traceback.format_exc(limit=-4)}
    return outcome and {**judge.row(outcome), "seed": case.seed}


def chosen(arguments):
    """The cases of this run."""
    seed = arguments.seed
    segmenters = list(upernet_cases.every(seed, arguments.openmmlab))
    if arguments.case:
        everything = [*cases.every(seed), *cases.pairs(seed), *segmenters]
        exact = [c for c in everything if c.name == arguments.case]
        large = arguments.case.startswith("base")
        return exact or [c for c in everything if (large or c.model != "base") and fnmatch.fnmatchcase(c.name, arguments.case)]
    if arguments.drawn:
        draw = random.Random(seed)
        right = [c for c in cases.small(seed) if c.group != "fault"]
        faults = [c for c in cases.small(seed) if c.group == "fault"]
        few = arguments.drawn // 10
        return (
            draw.sample(faults, arguments.drawn - 3 * few - few // 2)
            + draw.sample(right, 2 * few)
            + draw.sample(list(cases.pairs(seed)), few)
            + draw.sample(segmenters, few // 2)
        )
    return [*cases.small(seed), *cases.pairs(seed), *segmenters, *cases.base(seed)]


def run(arguments, planned, folder):
    rows, start = [], time.monotonic()
    PLANNED[:] = planned
    small = [i for i, c in enumerate(planned) if c.model != "base"]
    large = [i for i, c in enumerate(planned) if c.model == "base"]
    cores = os.cpu_count() or 1
    for group, workers, threads in ((small, cores, 1), (large, 1, cores)):
        if not group:
            continue
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(workers, context, begin, (arguments.beitzoo, folder, arguments.cache, threads)) as pool:
            for row in pool.map(one, group, chunksize=8 if group is small else 1):
                if row:
                    rows.append(row)
                if not arguments.quiet and sys.stderr.isatty():
                    print(f"\r{len(rows)} of {len(planned)}", end="", file=sys.stderr)
    return rows, time.monotonic() - start


def show(arguments, planned):
    """Plants one case, keeps its files, and prints everything about it."""
    folder = os.path.join(tempfile.gettempdir(), "mutant-" + planned.name.replace("/", "-"))
    os.makedirs(folder, exist_ok=True)
    planter = plant.Planter(folder, arguments.cache)
    if isinstance(planned, upernet_cases.Case):
        print(json.dumps(judge.row(planned.judge(judge.Judge(arguments.beitzoo, planter))), indent=1))
        print(f"\nthe files are in {folder}")
        return 0
    outcome = judge.Judge(arguments.beitzoo, planter).judge(planned)
    if outcome is None:
        sys.exit("this model has no such parameter")
    planted = planter.plant(planned)
    print(json.dumps(judge.row(outcome), indent=1))
    print("\n" + " ".join(judge.Judge(arguments.beitzoo, planter).command(planted.checkpoint, planted)[:-2]))
    return 0


def check_golden(openmmlab):
    beside = {"mmsegmentation's heads": upernet.Right(1, openmmlab).beside()}
    for path, far in (models.golden() | models.orders() | beside).items():
        if far > 1e-12:
            sys.exit(f"the BEiT of this program is off {path} by {far:.2g}: nothing that it plants can be trusted")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beitzoo", default="bin/beitzoo")
    parser.add_argument("--openmmlab", default="", help="the folder with mmsegmentation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=0, help="draw so many cases on the small models")
    parser.add_argument(
        "--case", default="", help="run the cases with names like this pattern, on the large model if it begins with base; a whole name keeps the files"
    )
    parser.add_argument("--part", default="", help="K/N: every Nth case from the Kth on; --rows puts the outcomes of the parts together")
    parser.add_argument("--rows", nargs="+", default=[], help="run nothing, print the table of outcomes that --json wrote")
    parser.add_argument("--json", default="", help="write every outcome to this file")
    parser.add_argument("--table", default="", help="write the table to this file as well")
    parser.add_argument("--cache", default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "beitzoo", "mutants"))
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument("--quiet", action="store_true")
    arguments = parser.parse_args()
    if arguments.rows:
        return tell(arguments, *earlier(arguments.rows))
    torch.set_num_threads(1)
    check_golden(arguments.openmmlab)
    planned = chosen(arguments)
    if arguments.part:
        number, of = map(int, arguments.part.split("/"))
        planned = planned[number - 1 :: of]
    if arguments.list:
        print("\n".join(c.name for c in planned))
        return 0
    if not planned:
        sys.exit("no case has such a name; --list prints them")
    if len(planned) == 1 and arguments.case == planned[0].name:
        return show(arguments, planned[0])
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        rows, seconds = run(arguments, planned, folder)
    if not arguments.case and arguments.part.split("/")[0] in ("", "1"):
        rows += honest.rows(arguments.beitzoo, arguments.seed, arguments.drawn // 4)
    return tell(arguments, rows, seconds)


def earlier(files):
    """The outcomes that --json wrote, and how long the runs took together as one after the other."""
    rows = []
    for path in files:
        with open(path) as file:
            rows += map(json.loads, file)
    return rows, sum(r.get("seconds", 0) for r in rows)


def tell(arguments, rows, seconds):
    """Prints the tables and writes the files. The exit status: 1 for a missed target, or for what could not be planted."""
    broken = [r for r in rows if "broken" in r]
    good = [r for r in rows if "broken" not in r]
    told = [
        f"{len(checkpoints.KINDS)} kinds of fault in checkpoints, {len(programs.KINDS)} in programs, {len(upernet_kinds.KINDS)} of segmentation.",
        "",
        *table.report(good, seconds),
        "",
        *table.kinds(good),
        "",
        *table.failures(good),
    ]
    for path, text in ((arguments.table, "\n".join(told) + "\n"), (arguments.json, "\n".join(json.dumps(r) for r in rows) + "\n")):
        if path:
            with open(path, "w") as file:
                file.write(text)
    print("\n".join(told))
    for r in broken:
        print(f"could not plant {r['broken']}: {r['why']}", file=sys.stderr)
    missing = table.missed(good, bool(arguments.drawn))
    if missing and not arguments.case:
        print("missed: " + ", ".join(missing), file=sys.stderr)
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
