package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/cmd/internal/nvidia"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/report"
)

func reportFlag(path *string, usage string) cli.Flag {
	return &cli.PathFlag{Name: "report", Destination: path, Action: notStandardOutput, Usage: usage}
}

// checkReport refuses a report that would replace a file of somebody else, or the checkpoint of --fix.
func (f verifyFlags) checkReport() error {
	if f.report == "" {
		return nil
	}
	if f.fix.save.output != "" && samePlace(f.report, f.fix.save.output) {
		return &usageError{"-o and --report name the same file, " + text.Quote(f.report), "give the report another name"}
	}
	return report.CheckTarget(f.report)
}

// samePlace reports whether two paths lead to the same file, or will when they are written.
func samePlace(a, b string) bool {
	return samePath(a, b) || sameFile(a, b) || samePath(withoutLinks(a), withoutLinks(b))
}

// withoutLinks returns a path whose folder is called by its real name, if it is there. The last element need not be there.
func withoutLinks(path string) string {
	folder, err := filepath.Abs(filepath.Dir(filepath.Clean(path)))
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	return filepath.Join(folder, filepath.Base(path))
}

// writeReport writes the HTML page about a verification.
func (f verifyFlags) writeReport(ctx context.Context, c *console, model, other *convert.Model, result *verify.Result, options report.Options) error {
	page := report.Page{Options: options, Problem: model.Problem, Command: commandText(c.args)}
	recipe := "not known"
	if choice, err := model.Recipe(); err == nil {
		page.Recipe, recipe = &choice.Recipe, recipeText(choice.Recipe, choice.Name)+originText(choice.From)
	}
	page.Facts = append(machineFacts(ctx, result.Engine, result.Device), report.Fact{Name: "Recipe", Value: recipe})
	read := []struct{ what, path string }{{"model", model.File.Path}, {"recording", f.recording}, {"traced module", f.torchScript}}
	if other != nil {
		read = append(read, struct{ what, path string }{"other checkpoint", other.File.Path})
	}
	for _, file := range read {
		if file.path == "" {
			continue
		}
		digests, err := digestsOf(ctx, file.what, file.path)
		if err != nil {
			return fmt.Errorf("the report: %w", err)
		}
		page.Files = append(page.Files, digests...)
	}
	return report.WriteHTML(ctx, f.report, result, page)
}

// machineFacts say which program ran on which machine.
func machineFacts(ctx context.Context, engine, device string) []report.Fact {
	info := version()
	program := "beitzoo " + info.Version
	if info.Revision != "" {
		program += ", revision " + info.Revision
	}
	facts := []report.Fact{
		{Name: "Program", Value: program + ", " + info.Go},
		{Name: "Engine", Value: engine + " on " + device},
		{Name: "Machine", Value: strings.TrimPrefix(fmt.Sprintf("%s, %s, %s", measure.Processor(), text.Count(runtime.GOMAXPROCS(0), "thread", "threads"), info.Platform), ", ")},
	}
	if loaded := libtorch.Loaded(); loaded != "" {
		facts = append(facts, report.Fact{Name: "libtorch", Value: libtorchName(ctx, loaded)})
	}
	if strings.HasPrefix(device, "cuda") {
		gpus, err := nvidia.GPUs(ctx)
		if err != nil {
			facts = append(facts, report.Fact{Name: "GPU", Value: "not known: " + err.Error()})
		}
		for _, gpu := range gpus {
			facts = append(facts, report.Fact{Name: "GPU", Value: fmt.Sprintf("cuda:%d %s, driver %s", gpu.Index, gpu.Name, gpu.Driver)})
		}
	}
	return facts
}

// libtorchName returns the version of the libtorch that the program runs with, if it can be found out, and where it is.
func libtorchName(ctx context.Context, loaded string) string {
	found, err := libtorch.Find(ctx, libtorch.Search{})
	if err == nil && sameFile(found.CPULibrary(), loaded) {
		return found.Version + ", " + loaded
	}
	return loaded
}

func sameFile(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(first, second)
}

// mostFiles bounds the number of files of a folder in a report.
const mostFiles = 64

// digestsOf returns the file at path, or those in the folder there, with their digests.
func digestsOf(ctx context.Context, what, path string) ([]report.File, error) {
	var all []report.File
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(name) // of the file behind a link, as caches have them
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if len(all) == mostFiles {
			return fs.SkipAll
		}
		sum, err := fileDigest(ctx, name)
		all = append(all, report.File{What: what, Path: name, Bytes: info.Size(), SHA256: sum})
		return err
	})
	return all, err
}

// fileDigest returns the SHA-256 of a file in hexadecimal digits.
func fileDigest(ctx context.Context, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, contextReader{ctx, file}); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// contextReader reads until its context ends.
type contextReader struct {
	ctx  context.Context //nolint:containedctx // a reader for one call
	from io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}

// secret matches the password in an address, which is nobody's business.
var secret = regexp.MustCompile(`(://[^/\s:@]*):[^/\s@]*@`)

// commandText returns a command line as a shell takes it.
func commandText(args []string) string {
	words := []string{"beitzoo"}
	for _, word := range args[min(1, len(args)):] {
		words = append(words, text.Shell(secret.ReplaceAllString(word, "$1:xxxxx@")))
	}
	return strings.Join(words, " ")
}
