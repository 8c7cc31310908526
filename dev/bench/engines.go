package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/synth"
)

// cells are the architectures and batch sizes of the comparison. Those of one architecture are consecutive.
var cells = []struct {
	arch  string
	batch int
}{{"beit_base_p16_224", 1}, {"beit_base_p16_224", 8}, {"beit_base_p16_384", 1}, {"beit_large_p16_512", 1}}

// peers are the ways to run the same model from Python; peer.py knows them by kind.
var peers = []struct{ kind, name string }{
	{"timm", "timm"}, {"compile", "timm, torch.compile"}, {"transformers", "transformers"}, {"onnxruntime", "ONNX Runtime"},
}

// comparison is the section "engines".
type comparison struct {
	*bench
	// kinds are the peers that this machine has.
	kinds []string
	// lost says in which cells which of our engines was behind.
	lost []string
	// done is how many cells were measured.
	done int
}

// dtypes are the types that cells are computed in, as beitzoo and torch call them. agreement is the largest difference, relative to the largest logit, between two programs that
// compute the same in it.
var dtypes = []struct {
	name, torch string
	agreement   float64
}{{"f32", "float32", 1e-3}, {"bf16", "bfloat16", 0.1}}

// benchEngines interleaves forward passes of both engines and of the peers on the CPU, with one thread and with two.
func benchEngines(ctx context.Context, b *bench) error {
	if b.torch == "" {
		fmt.Println("left out: it needs a build with libtorch (make libtorch)")
		return nil
	}
	c := &comparison{bench: b}
	if err := c.someCell(); err != nil {
		return err
	}
	if err := c.findPeers(ctx); err != nil {
		return err
	}
	fmt.Println("\nMedian seconds of one forward pass, CPU, same weights and images; the logits agree. In brackets: as a ratio of timm, below 1 is faster than timm;")
	fmt.Println("for plain Go also as one of the libtorch engine. A ratio is the median of those of all rounds. Rates are GFLOP/s: of the forward pass of either engine,")
	fmt.Print("and of products of matrices (2,048 x 2,048), packed as the layers of that engine have them, in the same rounds.\n\n")
	fmt.Print("| model | batch | threads | dtype | rounds |")
	for _, kind := range c.kinds {
		fmt.Printf(" %s |", nameOf(kind))
	}
	fmt.Printf(" libtorch | plain Go | libtorch: pass, products | plain Go: pass, products |\n|---|---|---|---|---|%s---|---|---|---|\n", strings.Repeat("---|", len(c.kinds)))
	for i, cell := range cells {
		if err := c.cellsOf(ctx, cell.arch, cell.batch); err != nil {
			return err
		}
		if i+1 == len(cells) || cells[i+1].arch != cell.arch {
			c.drop(cell.arch)
		}
	}
	if len(c.lost) == 0 && len(c.kinds) > 0 {
		fmt.Printf("\nBoth engines are ahead in every cell of these %d.\n", c.done)
	}
	for _, text := range c.lost {
		fmt.Println("\nbehind:", text)
	}
	return nil
}

// cellsOf measures an architecture with a batch in all dtypes, with one thread and with two.
func (c *comparison) cellsOf(ctx context.Context, name string, batch int) error {
	for _, m := range c.wanted(name, batch) {
		if err := c.weights(ctx, name); err != nil {
			return err
		}
		if err := c.cell(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		c.done++
	}
	return nil
}

// wanted returns the cells of an architecture with a batch, in all dtypes, with one thread and with two, that the flag -cells leaves.
func (b *bench) wanted(name string, batch int) []measured {
	var wanted []measured
	for dtype := range dtypes {
		for _, threads := range []int{1, 2} {
			if m := (measured{name, batch, threads, dtype}); b.cells == nil || b.cells.MatchString(m.String()) {
				wanted = append(wanted, m)
			}
		}
	}
	return wanted
}

// someCell makes sure that the flag -cells leaves a cell, so that not to have measured anything is not called being ahead everywhere.
func (b *bench) someCell() error {
	for _, cell := range cells {
		if len(b.wanted(cell.arch, cell.batch)) > 0 {
			return nil
		}
	}
	return fmt.Errorf("no cell matches -cells %q; one of them is %s", b.cells, measured{cells[0].arch, cells[0].batch, 1, 0})
}

// measured is a cell of the comparison; dtype is its index in dtypes.
type measured struct {
	arch                  string
	batch, threads, dtype int
}

func (m measured) String() string {
	return fmt.Sprintf("%s/%d/%d/%s", m.arch, m.batch, m.threads, dtypes[m.dtype].name)
}

// timmName returns what timm calls an architecture.
func timmName(name string) string { return strings.Replace(name, "_p16_", "_patch16_", 1) }

func nameOf(kind string) string {
	at := slices.IndexFunc(peers, func(p struct{ kind, name string }) bool { return p.kind == kind })
	return peers[at].name
}

// peer is a command line of peer.py.
func (c *comparison) peer(arguments ...string) []string {
	return append([]string{c.python, "-W", "ignore", "dev/bench/peer.py"}, arguments...)
}

// findPeers finds out which peers are installed, and prints which are not.
func (c *comparison) findPeers(ctx context.Context) error {
	for _, p := range peers {
		if c.python == "" {
			fmt.Printf("%s: left out, no Python peers here (make interop sets them up)\n\n", p.name)
			continue
		}
		command := c.peer("have", p.kind)
		said, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Printf("%s: left out, it is not installed (PEERS=1 make bench installs what dev/interop/requirements-bench.txt lists)\n\n", p.name)
			continue
		}
		fmt.Printf("%s: %s\n\n", p.name, strings.TrimSpace(string(said)))
		c.kinds = append(c.kinds, p.kind)
	}
	said, err := exec.CommandContext(ctx, "ldd", c.torch).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", c.torch, err)
	}
	for line := range strings.Lines(string(said)) {
		if _, path, found := strings.Cut(line, "libtorch_cpu.so => "); found {
			path, _, _ = strings.Cut(path, " (")
			fmt.Printf("beitzoo: %s\n", path)
		}
	}
	return nil
}

// file returns the path of a file in the folder for temporary files.
func (c *comparison) file(name string) string { return filepath.Join(c.folder, name) }

// weights writes the weights of the seed's recipe in the forms of timm and transformers, unless they are there.
func (c *comparison) weights(ctx context.Context, name string) error {
	for scheme, path := range map[string]string{"timm": c.file(name + ".safetensors"), "hf": c.file(name + "-hf")} {
		if _, err := os.Stat(path); err == nil || scheme == "hf" && !slices.Contains(c.kinds, "transformers") {
			continue
		}
		output, err := exec.CommandContext(ctx, c.beitzoo, "synth", name, "--seed", "0", "--to", scheme, "-o", path, "--no-sync").CombinedOutput()
		if err != nil {
			return fmt.Errorf("beitzoo synth: %w\n%s", err, output)
		}
	}
	return nil
}

func (c *comparison) drop(name string) {
	paths, _ := filepath.Glob(c.file(name + "*"))
	for _, path := range paths {
		os.RemoveAll(path)
	}
}

// images writes a batch of probe images as raw float32 and returns the path.
func (c *comparison) images(config arch.Config, batch int) (string, error) {
	path := c.file(fmt.Sprintf("%s.%d.f32", config.Name, batch))
	var raw []byte
	for _, pixel := range synth.Images(batch, config, 0) {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(pixel))
	}
	return path, os.WriteFile(path, raw, 0o600)
}

// quick is the factor by which this section has more rounds: its forward passes are short, so that other load on the machine weighs more.
const quick = 5

// cell measures and prints a line of the table.
func (c *comparison) cell(ctx context.Context, m measured) error {
	config, err := arch.ByName(m.arch)
	if err != nil {
		return err
	}
	images, err := c.images(config, m.batch)
	if err != nil {
		return err
	}
	dtype := dtypes[m.dtype]
	peers := make([]*worker, len(c.kinds)) // nil: one that does not compute in this dtype
	var workers []*worker
	for i, kind := range c.kinds {
		if kind == "onnxruntime" && dtype.name != "f32" {
			continue // its CPU has no such products
		}
		command := c.peer(kind, timmName(m.arch), c.file(m.arch), images, strconv.Itoa(m.batch), strconv.Itoa(m.threads), dtype.torch)
		peers[i] = &worker{name: nameOf(kind), command: command, request: "forward"}
		workers = append(workers, peers[i])
	}
	ours := func(program, engine, request string) *worker {
		w := &worker{name: engine, request: request, command: []string{
			program, "bench", c.file(m.arch + ".safetensors"), "--arch", m.arch, "--worker", "--engine", engine,
			"--dtype", dtype.name, "--batch", strconv.Itoa(m.batch), "--threads", strconv.Itoa(m.threads),
		}}
		workers = append(workers, w)
		return w
	}
	torch, native := ours(c.torch, "torch", "forward"), ours(c.beitzoo, "native", "forward")
	torchProducts, nativeProducts := ours(c.torch, "torch", "products"), ours(c.beitzoo, "native", "products")
	if err := interleave(ctx, workers, quick*c.rounds, agreeWithin(dtype.agreement), pause); err != nil {
		return err
	}
	fmt.Printf("| %s | %d | %d | %s | %d |", m.arch, m.batch, m.threads, dtype.name, len(torch.answers))
	for _, w := range slices.Concat(peers, []*worker{torch, native}) {
		if w == nil {
			fmt.Print(" - |")
			continue
		}
		fmt.Printf(" %.3f", w.median())
		ratios := []string{}
		if c.kinds != nil && c.kinds[0] == "timm" && w != peers[0] {
			ratios = append(ratios, fmt.Sprintf("%.2f", w.ratio(peers[0])))
		}
		if w == native {
			ratios = append(ratios, fmt.Sprintf("%.2f", w.ratio(torch)))
		}
		if len(ratios) > 0 {
			fmt.Printf(" (%s)", strings.Join(ratios, "; "))
		}
		fmt.Print(" |")
	}
	done := float64(m.batch) * operations(config) / 1e9
	fmt.Printf(" %.0f, %.0f | %.0f, %.0f |\n", done/torch.median(), torchProducts.median()/1e9, done/native.median(), nativeProducts.median()/1e9)
	c.compare(m, peers, torch, native)
	return nil
}

// compare notes where our engines are behind: libtorch any peer, plain Go timm and torch.compile.
func (c *comparison) compare(m measured, peers []*worker, torch, native *worker) {
	for i, peer := range peers {
		for _, w := range []*worker{torch, native} {
			if peer == nil || w == native && c.kinds[i] != "timm" && c.kinds[i] != "compile" {
				continue
			}
			if ratio := w.ratio(peer); ratio >= 1 {
				c.lost = append(c.lost, fmt.Sprintf("%s, engine %s, against %s: %.2f times its time", m, w.name, peer.name, ratio))
			}
		}
	}
}

// agreeWithin returns what asks all workers for their logits, which warms them up, and checks that they are the same.
func agreeWithin(bound float64) func(workers []*worker) error {
	return func(workers []*worker) error {
		var first []float64
		for _, w := range workers {
			if w.request != "forward" {
				continue
			}
			logits, err := w.ask("logits")
			if err != nil {
				return err
			}
			if first == nil {
				first = logits
			}
			if len(logits) != len(first) {
				return fmt.Errorf("%s returns %d logits, %s %d", w.name, len(logits), workers[0].name, len(first))
			}
			var largest, apart float64
			for i := range first {
				largest, apart = max(largest, math.Abs(first[i])), max(apart, math.Abs(first[i]-logits[i]))
			}
			if !(apart <= bound*largest) {
				return fmt.Errorf("%s does not compute what %s does: logits up to %g are %g apart", w.name, workers[0].name, largest, apart)
			}
		}
		return nil
	}
}

// operations returns the number of operations in the matrix products of one image: two for each multiplication with its addition.
func operations(c arch.Config) float64 {
	tokens, width, hidden := float64(c.Tokens()), float64(c.EmbedDim), float64(c.HiddenDim)
	block := tokens*width*4*width + 2*tokens*tokens*width + 2*tokens*width*hidden
	stem := float64(c.Patches()) * width * 3 * float64(c.PatchSize*c.PatchSize)
	return 2 * (stem + float64(c.Depth)*block + width*float64(c.Classes))
}
