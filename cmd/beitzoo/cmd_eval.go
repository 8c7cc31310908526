package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/topk"
)

// accuracy is what `beitzoo eval --json` prints.
type accuracy struct {
	Images int     `json:"images"`
	Top1   int     `json:"top1_correct"`
	Top5   int     `json:"top5_correct"`
	Share1 float64 `json:"top1"`
	Share5 float64 `json:"top5"`
}

func evalCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "top-1 and top-5 accuracy over a folder of class folders",
		ArgsUsage: "MODEL FOLDER",
		Description: "FOLDER has one folder for each class; the classes are numbered in the order of the folders' names,\n" +
			"as torchvision's ImageFolder does.",
		Flags:  flags(modelFlags(), engineFlags(), zooFlags(), recipeFlags()),
		Action: func(ctx *cli.Context) error { return eval(c, ctx) },
	}
}

func eval(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "MODEL", "FOLDER"); err != nil {
		return err
	}
	folder := os.DirFS(ctx.Args().Get(1))
	images, err := listImages(folder)
	if err != nil {
		return err
	}
	loaded, err := openClassifier(c, ctx)
	if err != nil {
		return err
	}
	defer loaded.model.Close()
	bar := c.newProgress(ctx, "classifying")
	rows, err := loaded.logits(ctx.Context, folder, images.names, func(done int) { bar.set(int64(done), int64(len(images.names))) })
	bar.finish()
	if err != nil {
		return err
	}
	result := score(rows, images.labels)
	if ctx.Bool("json") {
		return c.json(result)
	}
	c.printf("top-1 %.2f %% (%d of %d), top-5 %.2f %%", 100*result.Share1, result.Top1, result.Images, 100*result.Share5)
	return nil
}

// labelled are images with their classes.
type labelled struct {
	names  []string
	labels []int
}

// listImages finds the files of all class folders, in the order of their names.
func listImages(folder fs.FS) (labelled, error) {
	var found labelled
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return found, err
	}
	class := 0
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		files, err := fs.ReadDir(folder, entry.Name())
		if err != nil {
			return found, err
		}
		for _, file := range files {
			if !file.IsDir() {
				found.names = append(found.names, path.Join(entry.Name(), file.Name()))
				found.labels = append(found.labels, class)
			}
		}
		class++
	}
	if len(found.names) == 0 {
		return found, &usageError{"the folder holds no class folders with images", fmt.Sprintf("expected FOLDER/CLASS/IMAGE, such as %s", "val/n01440764/1.jpg")}
	}
	return found, nil
}

// score counts how often the right class is the best one, and among the best five.
func score(rows [][]float64, labels []int) accuracy {
	result := accuracy{Images: len(rows)}
	for i, row := range rows {
		best := topk.Of(row, 5)
		if best[0] == labels[i] {
			result.Top1++
		}
		if slices.Contains(best, labels[i]) {
			result.Top5++
		}
	}
	result.Share1 = float64(result.Top1) / float64(result.Images)
	result.Share5 = float64(result.Top5) / float64(result.Images)
	return result
}
