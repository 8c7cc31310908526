package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// absentParameters is the hypothesis that the checkpoint lacks parameters which the architecture of the recording has.
const absentParameters = "absent-parameters"

// absent returns the finding that the subject lacks parameters of the architecture that the recording names, if it does, in place of the stages that nothing
// explains; nil if it does not.
func (v *verification) absent(unexplained []blame.Finding) *blame.Finding {
	config, err := arch.ByName(v.reference.Architecture)
	own := v.subject.Config
	if err != nil || len(unexplained) == 0 || config.Depth != own.Depth || config.EmbedDim != own.EmbedDim {
		return nil
	}
	has := map[string]bool{}
	for _, p := range own.Params() {
		has[p.Name] = true
	}
	var names, roles []string
	for _, p := range config.Params() {
		if has[p.Name] {
			continue
		}
		names = append(names, p.Name)
		role := p.Name
		if rest, inBlock := strings.CutPrefix(role, "blocks."); inBlock {
			_, role, _ = strings.Cut(rest, ".")
		}
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	if names == nil {
		return nil
	}
	f := unexplained[0]
	f.Hypothesis, f.Side, f.Tensors = absentParameters, blame.Checkpoint, slices.Sorted(slices.Values(names))
	if len(unexplained) > 1 {
		f.Stage = blame.WholeModel
	}
	f.Sentence = fmt.Sprintf("the checkpoint lacks %s, which %s, the architecture that the recording names, has", text.List(roles, 6, ""), config.Name)
	f.Advice = "take the checkpoint that the recording was made with, or another copy of it"
	return &f
}
