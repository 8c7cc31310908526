package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// adaptFlags say how a model is changed while it is converted.
type adaptFlags struct {
	size, resize, head, rows, norm, lossy string
	classes                               int
	seed                                  uint64
	perBlockBias, headless                bool
}

func (f *adaptFlags) flags() []cli.Flag {
	classes := countFlag("classes", &f.classes, "as many as there are", "give the model a new head of `K` classes, which --labels names; a masked model becomes a classifier")
	flags := []cli.Flag{
		&cli.StringFlag{
			Name: "image-size", Destination: &f.size, DefaultText: "that of the model",
			Usage: "resize the model to images of this `SIZE` in pixels: 384, or height and width, 384x512",
		},
		&cli.StringFlag{
			Name: "resize", Destination: &f.resize, DefaultText: string(adapt.Unilm),
			Usage: "the `PROGRAM` as which bias tables and pos_embed are resized: unilm (splines) or timm (linear)",
		},
		classes,
		&cli.StringFlag{
			Name: "head", Destination: &f.head, DefaultText: "seeded, if the number of classes changes",
			Usage: "the `KIND` of the new head: seeded (small random weights, as in unilm), zero, or rows of the old one",
		},
		&cli.PathFlag{
			Name: "rows", Destination: &f.rows,
			Usage: "make the new head of the rows of the old one that this `FILE` lists: the number of a class a line, from 0, or all by their names; --labels names those of the old head",
		},
		&cli.Uint64Flag{Name: "seed", Destination: &f.seed, Usage: "draw a seeded head from the seed `N`"},
		&cli.StringFlag{
			Name: "norm", Destination: &f.norm, DefaultText: string(adapt.FreshNorm),
			Usage: "the `ORIGIN` of fc_norm if a masked model becomes a classifier: fresh, as in unilm, or from-norm",
		},
		boolFlag("per-block-bias", &f.perBlockBias, "copy the bias table that all blocks share to each block, as unilm does before it fine-tunes"),
		boolFlag("headless", &f.headless, "leave out the head; the norm before it stays, and mask_token unless --drop names it"),
		&cli.StringFlag{
			Name: "lossy", Destination: &f.lossy, DefaultText: "none",
			Usage: "let --prove pass although the steps in this `LIST` lose something: " + strings.Join(adapt.LossyNames(), ","),
		},
	}
	for _, flag := range flags {
		setCategory(flag, adaptSection)
	}
	return flags
}

// setCategory puts a flag into a section of the help.
func setCategory(flag cli.Flag, section string) {
	switch f := flag.(type) {
	case *cli.StringFlag:
		f.Category = section
	case *cli.PathFlag:
		f.Category = section
	case *cli.IntFlag:
		f.Category = section
	case *cli.UintFlag:
		f.Category = section
	case *cli.Uint64Flag:
		f.Category = section
	case *cli.BoolFlag:
		f.Category = section
	case *cli.Float64Flag:
		f.Category = section
	default:
		panic(fmt.Sprintf("a flag of type %T has no section", flag))
	}
}

// set puts what the flags say into the options.
func (f adaptFlags) set(options *convert.Options) error {
	options.Adapt = adapt.Options{
		Resize: adapt.Method(f.resize), Classes: f.classes, Head: adapt.Head(f.head), Seed: f.seed, PerBlockBias: f.perBlockBias, Headless: f.headless, Norm: adapt.Norm(f.norm),
	}
	if f.lossy != "" {
		for name := range strings.SplitSeq(f.lossy, ",") {
			options.AllowLossy = append(options.AllowLossy, strings.TrimSpace(name))
		}
	}
	if f.seed != 0 && f.classes == 0 {
		return &usageError{"--seed is for a new head, and there is none", "add --classes K, or leave out --seed"}
	}
	var err error
	if options.Adapt.ImageHeight, options.Adapt.ImageWidth, err = parseImageSize(f.size); err != nil || f.rows == "" {
		return err
	}
	options.Adapt.Rows, err = readRows(f.rows)
	return err
}

// parseImageSize reads the value of --image-size. It returns zeros if the flag is not given.
func parseImageSize(value string) (height, width int, err error) {
	if value == "" {
		return 0, 0, nil
	}
	down, across, both := strings.Cut(strings.ToLower(strings.ReplaceAll(value, " ", "")), "x")
	if !both {
		across = down
	}
	h, errDown := strconv.ParseUint(down, 10, 31)
	w, errAcross := strconv.ParseUint(across, 10, 31)
	if errDown != nil || errAcross != nil || h == 0 || w == 0 {
		return 0, 0, &usageError{fmt.Sprintf("--image-size %q is not a size in pixels", text.Cut(value, 40)), "give one number, such as 384, or height and width: 384x512"}
	}
	return int(h), int(w), nil
}

// maxRows bounds a file of rows, in bytes: 21,841 names of classes are about one million.
const maxRows = 32 << 20

// readRows returns the lines of a file without the spaces around them. Empty lines at the end do not count.
func readRows(path string) ([]string, error) {
	raw, err := disk.ReadFile(path, maxRows)
	if err != nil {
		return nil, err
	}
	rows := []string{}
	for line := range strings.SplitSeq(strings.TrimRight(strings.TrimPrefix(string(raw), "\ufeff"), " \t\r\n"), "\n") {
		rows = append(rows, strings.TrimSpace(line))
	}
	if slices.Equal(rows, []string{""}) {
		return []string{}, nil
	}
	return rows, nil
}

// adaptFlagOf are the flags that set the options of package adapt.
var adaptFlagOf = map[string]string{
	"ImageHeight": "--image-size SIZE", "Resize": "--resize PROGRAM", "Classes": "--classes K", "Head": "--head KIND", "Rows": "--rows FILE", "Headless": "--headless",
	"Norm": "--norm ORIGIN", "PerBlockBias": "--per-block-bias",
}
