package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/internal/text"
)

// passFlags say how often a model for segmentation sees a picture. scales is a list of numbers.
type passFlags struct {
	scales      string
	flip, multi bool
}

func (f *passFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scales", Destination: &f.scales, Usage: "average the probabilities at these `SCALES` of the recipe's size, such as 0.75,1,1.25"},
		boolFlag("multi-scale", &f.multi, "the scales with which figures of several scales are published: 0.5, 0.75, 1, 1.25, 1.5, 1.75"),
		boolFlag("flip", &f.flip, "average with the mirrored picture"),
	}
}

// options returns how pictures are segmented.
func (f *passFlags) options(threads int) (o segment.Options, err error) {
	o = segment.Options{Flip: f.flip, Threads: threads}
	switch {
	case f.multi && f.scales != "":
		return o, &usageError{"--multi-scale and --scales exclude each other", "--multi-scale stands for --scales 0.5,0.75,1,1.25,1.5,1.75"}
	case f.multi:
		o.Scales = segment.MultiScale
	case f.scales != "":
		for _, word := range strings.Split(f.scales, ",") {
			scale, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
			if err != nil || !(scale > 0) {
				return o, &usageError{fmt.Sprintf("--scales has %s, which is not a number above 0", text.Quote(word)), "separate numbers by commas, as in 0.75,1,1.25"}
			}
			o.Scales = append(o.Scales, scale)
		}
	}
	return o, nil
}
