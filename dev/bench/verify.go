package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
)

// verifications are the rows of the section "verify". Every one is of two images.
var verifications = []struct {
	name, arch string
	// arguments are those of verifyWorker; peer is what verify_peer.py compares with.
	arguments []string
	peer      string
	rounds    int
}{
	{"float64 arithmetic, all is well", "beit_base_p16_224", nil, "oracle", 5},
	{"a recording of every stage, all is well", "beit_base_p16_224", []string{"-recorded"}, "recording", 5},
	{"the same, `blocks.5.attn.proj` transposed, no reasons", "beit_base_p16_224", []string{"-recorded", "-fault", "-no-reasons"}, "", 3},
	{"the same, with reasons", "beit_base_p16_224", []string{"-recorded", "-fault"}, "", 3},
	{
		"a recording of the logits, LayerNorm epsilon 1e-5 in place of 1e-6, with reasons",
		"beit_base_p16_224",
		[]string{"-recorded", "-logits", "-epsilon", "1e-5"},
		"", 1,
	},
	{"a recording of the logits, `blocks.5.attn.proj` transposed, with reasons", "beit_base_p16_224", []string{"-recorded", "-logits", "-fault"}, "", 1},
	{"float64 arithmetic, all is well", largeName, nil, "oracle", 3},
}

// faulty is the parameter that a planted fault transposes.
const faulty = "blocks.5.attn.proj.weight"

// benchVerify measures verify by phase, beside a PyTorch script that computes the same activations in the same precisions and compares them.
func benchVerify(ctx context.Context, b *bench) error {
	c := &comparison{bench: b}
	fmt.Print("Two images, all cores, the model read anew each time. PyTorch compares alone: it has neither a tolerance nor reasons, so a row without a ratio has no\n" +
		"peer. The memory is the peak of the process, mapped file included; beside it, as a ratio of the parameters in float64.\n\n")
	fmt.Println("| model | compared with | seconds | CPU seconds | peak memory | PyTorch: seconds | CPU seconds | peak memory | ratio of CPU seconds |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	var phases []string
	for i, row := range verifications {
		if err := c.weights(ctx, row.arch); err != nil {
			return err
		}
		if err := c.record(ctx, row.arch); err != nil {
			return err
		}
		spent, err := c.verification(ctx, i)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		phases = append(phases, spent)
		if i+1 == len(verifications) || verifications[i+1].arch != row.arch {
			c.drop(row.arch)
		}
	}
	fmt.Print("\nSeconds by phase:\n\n| model | compared with |")
	for _, p := range timed {
		fmt.Printf(" %s |", p)
	}
	fmt.Printf("\n|---|---|%s\n", strings.Repeat("---|", len(timed)))
	for _, line := range phases {
		fmt.Println(line)
	}
	return nil
}

// record writes the recording of a model, unless it is there.
func (c *comparison) record(ctx context.Context, name string) error {
	path := c.file(name + ".recording.safetensors")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	output, err := exec.CommandContext(ctx, c.beitzoo, "record", c.file(name+".safetensors"), "--arch", name, "--engine", "native", "-o", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("beitzoo record: %w\n%s", err, output)
	}
	return nil
}

// verification measures and prints one row, and returns its line in the table of phases.
func (c *comparison) verification(ctx context.Context, at int) (phases string, err error) {
	row := verifications[at]
	config, err := arch.ByName(row.arch)
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	own := &worker{name: "beitzoo", request: "verify", command: append([]string{self, "-verify", c.file(row.arch), "--"}, row.arguments...)}
	workers := []*worker{own}
	var peer *worker
	if c.python != "" && row.peer != "" {
		peer = &worker{name: "PyTorch", request: "verify", command: []string{
			c.python, "-W", "ignore", "dev/bench/verify_peer.py", row.peer, timmName(row.arch), c.file(row.arch), strconv.Itoa(runtime.GOMAXPROCS(0)),
		}}
		workers = append(workers, peer)
	}
	if err := interleave(ctx, workers, min(c.rounds, row.rounds), func([]*worker) error { return nil }, pause); err != nil {
		return "", err
	}
	weights := 8 * float64(elements(config))
	fmt.Printf("| %s | %s | %.2f | %.2f | %.0f MB (%.2f) |", row.arch, row.name, own.median(), own.medianOf(1), float64(own.peak)/1e6, float64(own.peak)/weights)
	if peer != nil {
		fmt.Printf(" %.2f | %.2f | %.0f MB (%.2f) | %.2f |\n",
			peer.median(), peer.medianOf(1), float64(peer.peak)/1e6, float64(peer.peak)/weights, measure.Median(ratios(own.column(1), peer.column(1))))
	} else {
		fmt.Println(" | | | |")
	}
	phases = fmt.Sprintf("| %s | %s |", row.arch, row.name)
	for i := range timed {
		phases += fmt.Sprintf(" %.2f |", own.medianOf(2+i))
	}
	return phases, nil
}

// elements returns the number of parameters of an architecture.
func elements(config arch.Config) (count int64) {
	for _, p := range config.Params() {
		n, err := p.Shape.Elements()
		if err == nil {
			count += n
		}
	}
	return count
}

// timed are the phases in the answers of verifyWorker. Opening has opening the files, too.
var timed = []verify.Phase{verify.Opening, verify.Reading, verify.Running, verify.Alone, verify.Comparing, verify.Doubting, verify.Searching}

// verifyFlags are the arguments of verifyWorker.
type verifyFlags struct {
	recorded, fault, logits, noReasons bool
	epsilon                            float64
}

func parseVerifyFlags(arguments []string) (f verifyFlags, err error) {
	set := flag.NewFlagSet("verify", flag.ContinueOnError)
	set.BoolVar(&f.recorded, "recorded", false, "compare with the recording")
	set.BoolVar(&f.logits, "logits", false, "compare with the logits of the recording alone")
	set.BoolVar(&f.fault, "fault", false, "transpose "+faulty)
	set.BoolVar(&f.noReasons, "no-reasons", false, "look for no reasons")
	set.Float64Var(&f.epsilon, "epsilon", 0, "run the model with this LayerNorm epsilon")
	return f, set.Parse(arguments)
}

// transposed returns the weights with the faulty one, which is square, transposed.
func transposed(weights []tensor.Named) ([]tensor.Named, error) {
	copied := slices.Clone(weights)
	at := slices.IndexFunc(copied, func(w tensor.Named) bool { return w.Name == faulty })
	values, err := tensor.Float32s(copied[at].View)
	if err != nil {
		return nil, err
	}
	side := copied[at].Shape[0]
	raw := make([]byte, 0, 4*len(values))
	for i := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(values[i%side*side+i/side]))
	}
	copied[at].View = tensor.View{DType: tensor.F32, Shape: copied[at].Shape, Data: tensor.Memory(raw)}
	return copied, nil
}
