"""Makes the two lists of this package, and the files that its tests compare them with.

    python make.py map_clsloc.txt imagenet_classes.json

Needs timm (Apache-2.0), whose timm/data/_info has the WordNet ids in the order of the logits and the names of their synsets, and torchvision (BSD-3-Clause).
map_clsloc.txt is a file of ImageNet's development kit: the numbers of the 1000 classes in its lists, which are not the order of the logits.
imagenet_classes.json is EVA's index of the classes (baaivision/EVA, EVA-01/eva, MIT).
"""

import gzip
import json
import pathlib
import sys

import timm
from torchvision.models._meta import _IMAGENET_CATEGORIES

here = pathlib.Path(__file__).parent
info = pathlib.Path(timm.__file__).parent / "data" / "_info"


def lines(name):
    return (info / name).read_text().splitlines()


def pack(name, rows):
    text = "".join("\t".join(row) + "\n" for row in rows)
    (here.parent / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


names = dict(line.split("\t", 1) for line in lines("imagenet_synset_to_lemma.txt"))
numbers = {word.split()[0]: word.split()[1] for word in pathlib.Path(sys.argv[1]).read_text().splitlines()}
pack("imagenet-1k.tsv.gz", [(i, names[i], numbers[i]) for i in lines("imagenet_synsets.txt")])
pack("imagenet-22k.tsv.gz", [(i, names[i]) for i in lines("imagenet22k_synsets.txt")])

(here / "torchvision.txt").write_text("".join(name + "\n" for name in _IMAGENET_CATEGORIES))
index = json.loads(pathlib.Path(sys.argv[2]).read_text())
(here / "eva.txt").write_text("".join(i + "\n" for i in sorted(index, key=index.get)))
