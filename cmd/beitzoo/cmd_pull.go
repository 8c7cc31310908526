package main

import (
	"os"

	"github.com/dustin/go-humanize"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/zoo"
)

// pullResult is what `beitzoo pull --json` prints.
type pullResult struct {
	Name     string         `json:"name"`
	Path     string         `json:"path"`
	SHA256   string         `json:"sha256"`
	Bytes    int64          `json:"bytes"`
	From     string         `json:"from"`
	Pinned   *zoo.Pin       `json:"pinned,omitempty"`
	Notes    []string       `json:"notes,omitempty"`
	Exported *convert.Saved `json:"exported,omitempty"`
}

func pullCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "pull",
		Usage:     "bring weights of the zoo here, checked",
		ArgsUsage: "NAME[@VERSION]",
		Description: "Without -o the weights stay in the cache, and their path is printed. Sources are tried in order: the places of --zoo, then\n" +
			"the upstream checkpoint, which is downloaded, converted and checked. An interrupted pull goes on where it stopped.\n\n" +
			"   beitzoo pull beit_large_p16_512 -o beit.pth --to timm",
		Flags:  flags(zooFlags(), saveFlags(), pullFlags()),
		Action: func(ctx *cli.Context) error { return pull(c, ctx) },
	}
}

func pull(c *console, ctx *cli.Context) error {
	z, found, err := resolveEntry(c, ctx)
	if err != nil {
		return err
	}
	bar := &steps{c: c, ctx: ctx}
	defer bar.finish()
	options := pullOptions(c, ctx, bar)
	if ctx.Bool("dry-run") {
		return printPlan(c, ctx, z, found, options)
	}
	pulled, err := z.Pull(ctx.Context, found, options)
	bar.finish()
	if err != nil {
		return err
	}
	result := pullResult{
		Name: found.Reference().String(), Path: pulled.Path, SHA256: string(pulled.Weights.Digest), Bytes: pulled.Weights.Size,
		From: pulled.From, Pinned: pulled.Pinned, Notes: pulled.Notes,
	}
	if target := ctx.Path("output"); target != "" {
		if result.Exported, err = exportWeights(c, ctx, pulled.Path, target, found.ID); err != nil {
			return err
		}
	}
	if ctx.Bool("json") {
		return c.json(result)
	}
	printPulled(c, result)
	return nil
}

// exportWeights writes pulled weights where the user wants them. Without a scheme, format or telling name they are canonical safetensors.
func exportWeights(c *console, ctx *cli.Context, path, target, id string) (*convert.Saved, error) {
	bar := c.newProgress(ctx, "writing")
	defer bar.finish()
	options := convert.Options{SaveOptions: saveOptions(ctx, bar)}
	if info, err := os.Stat(target); err == nil && info.IsDir() && options.To == "" && options.Format == "" {
		target += string(os.PathSeparator) + id + ".safetensors"
	}
	report, err := convert.Convert(ctx.Context, path, target, options)
	if err != nil {
		return nil, err
	}
	return &report.Saved, nil
}

func printPulled(c *console, r pullResult) {
	c.printf("%s, %s, from %s", r.Name, humanize.Bytes(uint64(r.Bytes)), r.From)
	c.printf("%s", r.SHA256)
	if r.Pinned != nil {
		c.printf("pinned: nobody published a digest for %s; from now on it must be %s", r.Pinned.Address, r.Pinned.Digest)
	}
	for _, note := range r.Notes {
		c.notef("note: %s", note)
	}
	if r.Exported == nil {
		c.printf("%s", r.Path)
		return
	}
	c.printf("%s: %s, scheme %s", r.Exported.Path, r.Exported.Format, r.Exported.Scheme)
}

// candidate is a line of what `beitzoo pull --dry-run` prints.
type candidate struct {
	Name    string        `json:"name"`
	Address string        `json:"address,omitempty"`
	SHA256  digest.Digest `json:"sha256,omitempty"`
	Pinned  bool          `json:"pinned,omitempty"`
	Bytes   int64         `json:"bytes"`
	Exact   bool          `json:"exact_size"`
	Cached  bool          `json:"cached"`
	Problem string        `json:"problem,omitempty"`
}

// printPlan says what a pull would try, in its order.
func printPlan(c *console, ctx *cli.Context, z *zoo.Zoo, found *zoo.Found, options zoo.PullOptions) error {
	candidates, err := z.Plan(ctx.Context, found, options)
	if err != nil {
		return err
	}
	lines := make([]candidate, len(candidates))
	for i, k := range candidates {
		lines[i] = candidate{k.Name, k.Address, k.Digest, k.Pinned, k.Bytes, k.Exact, k.Cached, errorText(k.Err)}
	}
	if ctx.Bool("json") {
		return c.json(lines)
	}
	c.printf("%s would be tried from:", found.Reference())
	for _, line := range lines {
		c.printf("  %-12s %-9s %s", line.Name, candidateSize(line), line.Address)
		if line.Problem != "" {
			c.printf("  %-12s %s", "", line.Problem)
		}
	}
	return nil
}

func candidateSize(line candidate) string {
	switch {
	case line.Cached:
		return "in cache"
	case line.Bytes < 0:
		return "?"
	case line.Exact:
		return humanize.Bytes(uint64(line.Bytes))
	}
	return "~" + humanize.Bytes(uint64(line.Bytes))
}
