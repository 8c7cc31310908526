package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// shardName matches the names of the files over which transformers spreads the weights of one model.
var shardName = regexp.MustCompile(`^(model|pytorch_model)-\d+-of-\d+\.`)

// indexSuffix ends the name of a file that maps tensors to shards.
const indexSuffix = ".index.json"

// vacant returns a *[TargetError] if the folder has other weights than those that are replaced: programs would load them in place of what is written, or
// they would stay behind with a config.json that is not theirs. The source of a conversion may stay where programs don't prefer it: it is the same model.
func (t target) vacant(source string) error {
	if t.folder == "" {
		return nil
	}
	entries, err := os.ReadDir(t.folder)
	if err != nil {
		return nil // what isn't there holds nothing; what can't be read is said when it is written
	}
	var rivals []string
	preferred := false
	for _, entry := range entries {
		name := entry.Name()
		before, isWeights := t.weightFile(name)
		if !isWeights || name == filepath.Base(t.path) || !before && t.isSource(source, name) {
			continue
		}
		rivals = append(rivals, name)
		preferred = preferred || before
	}
	if len(rivals) == 0 {
		return nil
	}
	what := fmt.Sprintf("the folder %s already holds weights in %s", t.folder, text.List(rivals, mostRivals, ""))
	if preferred {
		what += fmt.Sprintf(", which programs load in place of %s", filepath.Base(t.path))
	} else {
		what += fmt.Sprintf(", which %s would not replace", filepath.Base(t.path))
	}
	return &TargetError{Reason: what, Advice: "write to another folder, or delete those files first"}
}

// mostRivals is how many files a message names.
const mostRivals = 4

// weightFile reports whether a folder's entry is a weight file, an index or a shard by its name, and whether programs that load a folder look for it before
// they look for the target.
func (t target) weightFile(name string) (before, isWeights bool) {
	before = true
	for _, f := range formats {
		if f.FolderFile == filepath.Base(t.path) {
			before = false
		}
		if name == f.FolderFile || name == f.FolderFile+indexSuffix {
			return before, true
		}
	}
	return false, shardName.MatchString(name)
}

// isSource reports whether an entry of the folder is the source of a conversion, or part of it.
func (t target) isSource(source, name string) bool {
	if source == "" {
		return false
	}
	there, err := os.Stat(source)
	if err != nil {
		return false
	}
	if there.IsDir() || strings.HasSuffix(source, indexSuffix) {
		folder, err := os.Stat(t.folder)
		if !there.IsDir() {
			there, _ = os.Stat(filepath.Dir(source))
		}
		return err == nil && there != nil && os.SameFile(there, folder)
	}
	entry, err := os.Stat(filepath.Join(t.folder, name))
	return err == nil && os.SameFile(there, entry)
}
