package main

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// describe says what an architecture is, in one line.
func describe(a arch.Config) string {
	name := a.Name
	if name == "" {
		name = "BEiT"
	}
	return fmt.Sprintf("%s: %d x %d pixels, patches of %d, width %d, %d blocks, %d heads, %s, epsilon %g, %s parameters",
		name, a.ImageHeight, a.ImageWidth, a.PatchSize, a.EmbedDim, a.Depth, a.Heads, head(a), a.Epsilon, humanize.Comma(a.Parameters()))
}

func head(a arch.Config) string {
	switch {
	case a.Classes == 0:
		return "no head"
	case a.MaskToken:
		return fmt.Sprintf("%d visual tokens", a.Classes)
	}
	return fmt.Sprintf("%d classes", a.Classes)
}
