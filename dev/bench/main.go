package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// sections are the benchmarks, by the name that -only takes.
var sections = []struct {
	name string
	run  func(context.Context, *bench) error
}{
	{"convert", benchConvert},
	{"inspect", benchInspect},
	{"engines", benchEngines},
	{"tokenizer", benchTokenizer},
	{"training", benchTraining},
	{"load", benchLoad},
	{"plain Go", benchNative},
	{"verify", benchVerify},
	{"native engine", goBenchmarks("Forward", "./beit/engine/native")},
	{"encoding beside zstd", goBenchmarks("Coding", "./zoo/encoding")},
	{"digests and copies", goBenchmarks("Digest|Copy", "./zoo/store")},
	{"preprocessing", goBenchmarks(".", "./beit/preprocess")},
	{"pictures", benchPictures},
	{"eval", benchEval},
	{"pull", benchPull},
}

// bench is what every section needs.
type bench struct {
	beitzoo, torch, python, unilm, folder string
	rounds                                int
	// cells, if not nil, are those of the section engines that are measured: model/batch/threads/dtype.
	cells *regexp.Regexp
}

func main() {
	b := &bench{}
	only := flag.String("only", "", "run this `SECTION` alone")
	flag.StringVar(&b.beitzoo, "beitzoo", "bin/beitzoo", "the `PROGRAM` to measure")
	flag.StringVar(&b.torch, "torch", "", "the `PROGRAM` with libtorch; if empty, the engines are not compared")
	flag.StringVar(&b.python, "python", "", "a `PYTHON` with paddlepaddle, torch, timm, transformers and safetensors; if empty, only beitzoo is measured")
	flag.StringVar(&b.unilm, "unilm", "", "a `FOLDER` with microsoft/unilm; if empty, tokenizers are not compared")
	flag.StringVar(&b.folder, "folder", os.TempDir(), "the `FOLDER` for temporary files of some gigabytes")
	flag.Func("cells", "of the section engines only those cells, MODEL/BATCH/THREADS/DTYPE, that match this `EXPRESSION`", func(text string) (err error) {
		b.cells, err = regexp.Compile(text)
		return err
	})
	flag.IntVar(&b.rounds, "rounds", 5, "rounds for each median")
	copied := flag.String("copy", "", "answer each line of standard input with the seconds that a copy of this `FILE` in memory takes; the section load uses this")
	verified := flag.String("verify", "", "answer each line of standard input with the seconds that verifying `FILES` takes; the section verify uses this")
	photo := flag.String("pictures", "", "answer each line of standard input with the milliseconds that this `FILE`, a picture, takes; the section pictures uses this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.act(ctx, *only, *copied, *verified, *photo); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// act runs the sections, or one of the workers that they start.
func (b *bench) act(ctx context.Context, only, copied, verified, photo string) error {
	switch {
	case copied != "":
		return copyWorker(os.Stdin, os.Stdout, copied)
	case photo != "":
		return pictureWorker(os.Stdin, os.Stdout, photo)
	case verified != "":
		f, err := parseVerifyFlags(flag.Args())
		if err != nil {
			return err
		}
		return verifyWorker(ctx, os.Stdin, os.Stdout, verified, f)
	}
	fmt.Println(machine())
	return b.all(ctx, only)
}

func (b *bench) all(ctx context.Context, only string) error {
	var names []string
	for _, section := range sections {
		names = append(names, section.name)
	}
	if only != "" && !slices.Contains(names, only) {
		return fmt.Errorf("no section %q; there are %s", only, strings.Join(names, ", "))
	}
	folder, err := os.MkdirTemp(b.folder, "beitzoo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b.folder = folder
	for _, section := range sections {
		if only == "" || only == section.name {
			fmt.Printf("\n## %s\n\n", section.name)
			if err := section.run(ctx, b); err != nil {
				return fmt.Errorf("%s: %w", section.name, err)
			}
		}
	}
	return nil
}

// goBenchmarks returns a section that runs Go benchmarks. They compare with their peers in one process.
func goBenchmarks(pattern string, packages ...string) func(context.Context, *bench) error {
	return func(ctx context.Context, _ *bench) error {
		command := exec.CommandContext(ctx, "go", append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", "1s"}, packages...)...)
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		return command.Run()
	}
}
