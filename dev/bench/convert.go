package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// withPaddle converts without beitzoo: load, transpose the linear layers, save.
const withPaddle = `
import sys, numpy, paddle
from safetensors.numpy import save_file
state = paddle.load(sys.argv[1])
out = {}
for name, value in state.items():
    if name.endswith("relative_position_index"):
        continue
    value = value.numpy()
    linear = value.ndim == 2 and not name.endswith("relative_position_bias_table")
    out[name.removeprefix("backbone.").replace("head.fc_cls", "head")] = numpy.ascontiguousarray(value.T) if linear else value
save_file(out, sys.argv[2])
`

// large returns the path of the checkpoint of 1.4 GB that several sections use. The first call writes it, and reads it once, so that it is in the page cache.
func (b *bench) large(ctx context.Context) (string, error) {
	path := filepath.Join(b.folder, "beit_large_p16_512.pdparams")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	synth := &contestant{name: "synth", command: []string{b.beitzoo, "synth", "beit_large_p16_512", "--seed", "0", "--to", "passl", "--format", "paddle", "-o", path}}
	if err := synth.measure(ctx); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	fmt.Printf("`beitzoo synth beit_large_p16_512 --to passl --format paddle`: %d bytes in %.2f s, peak anonymous memory %.0f MB.\n\n",
		info.Size(), synth.median(), float64(synth.anonymous)/1e6)
	return path, exec.CommandContext(ctx, "cat", path).Run()
}

// benchConvert compares converting 1.4 GB with copying it, and with the way through Python.
func benchConvert(ctx context.Context, b *bench) error {
	source, err := b.large(ctx)
	if err != nil {
		return err
	}
	target := func(name string) (string, func()) {
		path := filepath.Join(b.folder, name)
		return path, func() { os.Remove(path) }
	}
	copied, dropCopy := target("copy")
	converted, dropConverted := target("converted.safetensors")
	viaPython, dropPython := target("python.safetensors")
	contestants := []*contestant{
		{name: "`cp`", command: []string{"cp", source, copied}, before: dropCopy},
		{name: "`beitzoo convert --no-sync`", command: []string{b.beitzoo, "convert", source, "-o", converted, "--no-sync"}, before: dropConverted},
		{name: "`cp`, then `sync` of the copy", command: []string{"sh", "-c", `cp "$0" "$1" && sync "$1"`, source, copied}, before: dropCopy},
		{name: "`beitzoo convert` (which syncs)", command: []string{b.beitzoo, "convert", source, "-o", converted}, before: dropConverted},
	}
	if b.python != "" {
		contestants = append(contestants, &contestant{
			name:    "`paddle.load`, transpose, `save_file`",
			command: []string{b.python, "-c", withPaddle, source, viaPython}, before: dropPython, rounds: 2,
		})
	}
	defer func() { dropCopy(); dropConverted(); dropPython() }()
	if err := b.compete(ctx, contestants); err != nil {
		return err
	}
	table(contestants)
	return nil
}

// benchInspect measures opening and listing the same file.
func benchInspect(ctx context.Context, b *bench) error {
	source, err := b.large(ctx)
	if err != nil {
		return err
	}
	contestants := []*contestant{
		{name: "`beitzoo inspect`", command: []string{b.beitzoo, "inspect", source}},
		{name: "`beitzoo version` (the program's own start)", command: []string{b.beitzoo, "version"}},
	}
	if err := b.compete(ctx, contestants); err != nil {
		return err
	}
	table(contestants)
	return nil
}
