package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"
)

// prediction is what `beitzoo predict --json` prints for each image.
type prediction struct {
	Image string   `json:"image"`
	Top   []ranked `json:"top"`
}

func predictCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "predict",
		Usage:     "classify images",
		ArgsUsage: "MODEL IMAGE...",
		Flags: flags(modelFlags(), engineFlags(), zooFlags(), recipeFlags(), []cli.Flag{
			&cli.PathFlag{Name: "labels", Usage: "a `FILE` with the name of class 0 in the first line, and so on"},
			&cli.IntFlag{Name: "top", Value: 5, Usage: "how many classes to print"},
		}),
		Action: func(ctx *cli.Context) error { return predict(c, ctx) },
	}
}

func predict(c *console, ctx *cli.Context) error {
	if ctx.NArg() < 2 {
		return &usageError{"a model and at least one image are needed", "usage: beitzoo predict MODEL IMAGE..."}
	}
	loaded, err := openClassifier(c, ctx)
	if err != nil {
		return err
	}
	defer loaded.model.Close()
	if path := ctx.Path("labels"); path != "" {
		if loaded.labels, err = readLabels(path); err != nil {
			return err
		}
	}
	names := ctx.Args().Tail()
	rows, err := loaded.logits(ctx.Context, anywhere{}, names, func(int) {})
	if err != nil {
		return err
	}
	predictions := make([]prediction, len(rows))
	for i, row := range rows {
		predictions[i] = prediction{names[i], rank(row, ctx.Int("top"), loaded.labels)}
	}
	if ctx.Bool("json") {
		return c.json(predictions)
	}
	for _, p := range predictions {
		c.printf("%s", p.Image)
		for _, r := range p.Top {
			c.printf("  %6.2f %%  %s", 100*r.Probability, name(r))
		}
	}
	return nil
}

// anywhere opens files by the path that the user wrote, absolute or with "..", which fs.FS forbids in general.
type anywhere struct{}

func (anywhere) Open(path string) (fs.File, error) { return os.Open(path) }

func name(r ranked) string {
	if r.Label == "" {
		return "class " + strconv.Itoa(r.Class)
	}
	return fmt.Sprintf("%s (class %d)", r.Label, r.Class)
}

// readLabels gives the name of each class, one a line of the file.
func readLabels(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var labels []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		labels = append(labels, scanner.Text())
	}
	return labels, scanner.Err()
}
