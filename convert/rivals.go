package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
)

// shardName matches the names of the files over which transformers spreads the weights of one model.
var shardName = regexp.MustCompile(`^(model|pytorch_model)-\d+-of-\d+\.`)

// vacant returns a *[TargetError] if the folder has other files that programs would take in place of what is written, or that would stay behind with a
// config.json that is not theirs. The source of a conversion may stay where programs don't prefer it: it is the same model.
func (t target) vacant(source string) error {
	if t.folder == "" {
		return t.preferred(source)
	}
	entries, err := os.ReadDir(t.folder)
	if err != nil {
		return nil // what isn't there holds nothing; what can't be read is said when it is written
	}
	var rivals, stale []string
	preferred := false
	for _, entry := range entries {
		name := entry.Name()
		if t.leavesStale(name) {
			stale = append(stale, name)
		}
		before, isWeights := t.weightFile(name)
		if !isWeights || name == filepath.Base(t.path) || !before && isSource(source, t.folder, name) {
			continue
		}
		rivals = append(rivals, name)
		preferred = preferred || before
	}
	switch {
	case len(rivals) == 0 && len(stale) == 0:
		return nil
	case len(rivals) == 0:
		return &TargetError{
			Reason: fmt.Sprintf("the folder %s holds %s, from which transformers takes how images are prepared, and which would stay as it is",
				t.folder, text.List(stale, len(stale), "")),
			Advice: "write to another folder, or delete that first",
		}
	}
	return t.occupied(t.folder, rivals, preferred)
}

// leavesStale reports whether a file says, for transformers, how images are prepared, and is not replaced with the folder.
func (t target) leavesStale(name string) bool {
	return name == "processor_config.json" || name == "preprocessor_config.json" && t.scheme.Name == naming.Timm
}

// preferred returns a *[TargetError] if a single file has the name of a folder's weights, and programs that load the folder take others. The source of a
// conversion may be those: it is the same model.
func (t target) preferred(source string) error {
	if _, isWeights := t.weightFile(filepath.Base(t.path)); !isWeights {
		return nil
	}
	folder := filepath.Dir(t.path)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil // said when it is written
	}
	var rivals []string
	for _, entry := range entries {
		name := entry.Name()
		if before, isWeights := t.weightFile(name); isWeights && before && name != filepath.Base(t.path) && !isSource(source, folder, name) {
			rivals = append(rivals, name)
		}
	}
	if len(rivals) == 0 {
		return nil
	}
	return t.occupied(folder, rivals, true)
}

// occupied says that other weights in a folder are in the way of the target.
func (t target) occupied(folder string, rivals []string, preferred bool) error {
	what := fmt.Sprintf("the folder %s already holds weights in %s", folder, text.List(rivals, mostRivals, ""))
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
		if name == f.FolderFile || name == f.FolderFile+checkpoint.IndexSuffix {
			return before, true
		}
	}
	return false, shardName.MatchString(name)
}

// isSource reports whether an entry of a folder is the source of a conversion, or part of it.
func isSource(source, inFolder, name string) bool {
	if source == "" {
		return false
	}
	there, err := os.Stat(source)
	if err != nil {
		return false
	}
	if there.IsDir() || strings.HasSuffix(source, checkpoint.IndexSuffix) {
		folder, err := os.Stat(inFolder)
		if !there.IsDir() {
			there, _ = os.Stat(filepath.Dir(source))
		}
		return err == nil && there != nil && os.SameFile(there, folder)
	}
	entry, err := os.Stat(filepath.Join(inFolder, name))
	return err == nil && os.SameFile(there, entry)
}
