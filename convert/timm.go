package convert

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// timmSize takes a name of timm's BEiT models apart. Source: huggingface/pytorch-image-models timm/models/beit.py.
var timmSize = regexp.MustCompile(`^beit(?:v2)?_(base|large)_patch(\d+)_`)

// compareTimm returns a *[ConfigMismatchError] if timm's config.json beside the weights is that of a model of other sizes. Sizes that a name of timm's implies
// count where the file states no others.
func (r *reading) compareTimm() error {
	timm, c := r.beside.timm, r.model.Config
	if timm == nil || c.Kind != arch.Transformer || c.Masked() {
		return nil
	}
	var all []string
	differ := func(what string, stated, found int) {
		if stated != 0 && stated != found {
			all = append(all, fmt.Sprintf("%s %d, not %d", what, stated, found))
		}
	}
	width, depth, patch := timm.Width, timm.Depth, timm.PatchSize
	if name := timmSize.FindStringSubmatch(timm.Architecture); name != nil {
		usual := map[string]struct{ width, depth int }{"base": {768, 12}, "large": {1024, 24}}[name[1]]
		if width == 0 {
			width = usual.width
		}
		if depth == 0 && width == usual.width {
			depth = usual.depth
		}
		if patch == 0 && width == usual.width {
			patch, _ = strconv.Atoi(name[2])
		}
	}
	differ("width", width, c.EmbedDim)
	differ("depth", depth, c.Depth)
	differ("patches of", patch, c.PatchSize)
	differ("channels", timm.Channels, c.Channels)
	if timm.SizeStated {
		differ("height", timm.ImageHeight, c.ImageHeight)
		differ("width of images", timm.ImageWidth, c.ImageWidth)
	}
	if timm.Classes != nil && c.Classes > 0 && *timm.Classes != c.Classes {
		all = append(all, fmt.Sprintf("classes %d, not %d", *timm.Classes, c.Classes))
	}
	if len(all) > 0 {
		named := fmt.Sprintf("it is of %s, with ", text.Quote(text.Cut(timm.Architecture, 100)))
		return &ConfigMismatchError{Path: r.file.Path, Config: r.beside.path, Err: errdef.New(errdef.ErrInput, named+strings.Join(all, "; "))}
	}
	if timm.Classes != nil && *timm.Classes > 0 && c.Classes == 0 {
		r.model.warn(fmt.Sprintf("%s has %s, and the weights have no head", r.beside.path, text.Count(*timm.Classes, "class", "classes")))
	}
	return nil
}
