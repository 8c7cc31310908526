package main

import "slices"

// Words of other programs, and the ones that mean the same here. A word with several meanings is left out: a wrong suggestion is worse than a list.
var (
	commandSynonyms = map[string][]string{
		"keygen": {"key generate"}, "genkey": {"key generate"}, "generate": {"key generate", "synth"}, "rotate": {"key rotate"}, "revoke": {"key revoke"},
		"download": {"pull"}, "fetch": {"pull"}, "get": {"pull"}, "install": {"pull"}, "upload": {"publish"}, "push": {"publish"},
		"copy": {"mirror"}, "sync": {"mirror"}, "pack": {"bundle"}, "export": {"convert"}, "save": {"convert"}, "cast": {"convert"},
		"info": {"inspect"}, "dump": {"inspect"}, "trace": {"record"}, "compare": {"diff"}, "test": {"verify"}, "validate": {"manifest validate", "verify"}, "check": {"verify"},
		"evaluate": {"eval"}, "accuracy": {"eval"}, "classify": {"predict"}, "infer": {"predict"}, "run": {"predict"},
		"train": {"finetune"}, "fit": {"finetune"}, "probe": {"finetune"}, "learn": {"finetune"},
		"search": {"list"}, "models": {"list"}, "benchmark": {"bench"}, "env": {"doctor"}, "diagnose": {"doctor"},
		"sign": {"manifest sign"}, "renew": {"manifest renew"}, "init": {"manifest init"}, "prune": {"cache prune"}, "clean": {"cache prune"}, "gc": {"cache prune"},
		"forget": {"trust forget"}, "remove": {"cache prune", "trust forget"}, "rm": {"cache prune", "trust forget"}, "delete": {"cache prune", "trust forget"},
		"man": {"help"}, "usage": {"help"},
	}
	flagSynonyms = map[string][]string{
		"out": {"output"}, "dest": {"output"}, "destination": {"output"}, "target": {"output", "to"}, "scheme": {"to", "from"}, "type": {"dtype", "format"},
		"precision": {"dtype"}, "eps": {"epsilon"}, "architecture": {"arch"}, "model": {"arch"}, "config": {"arch"}, "key": {"select", "sign"},
		"names": {"labels"}, "classes": {"labels"},
		"topk": {"top"}, "k": {"top"}, "gpu": {"device"}, "backend": {"engine"}, "jobs": {"threads"}, "workers": {"threads"}, "samples": {"images"}, "batch-size": {"batch"},
		"silent": {"quiet"}, "older-than": {"unused"}, "age": {"unused"}, "older": {"unused"}, "pubkey": {"trust"}, "public-key": {"trust"}, "secret-key": {"sign"},
		"check": {"prove"}, "verify": {"prove"}, "preprocess": {"recipe"}, "processor": {"recipe"}, "place": {"zoo"}, "registry": {"zoo"}, "repo": {"zoo"}, "expiry": {"expires"},
	}
)

// synonym returns the first of the known names that a word of another program means, or "".
func synonym(table map[string][]string, word string, known []string) string {
	for _, meant := range table[word] {
		if slices.Contains(known, meant) {
			return meant
		}
	}
	return ""
}
