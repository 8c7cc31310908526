package dataset

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// isTar reports whether a name is that of a tar file, perhaps compressed.
func isTar(name string) bool {
	name = strings.ToLower(name)
	for _, ending := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// span matches the numbers of a pattern of WebDataset, such as {000..146}.
var span = regexp.MustCompile(`\{(\d+)\.\.(\d+)\}`)

// maxExpanded is how many files a pattern may stand for.
const maxExpanded = 1_000_000

// expandAll replaces patterns by the files that they stand for: spans of numbers, and * and ? where no file has the name as it is.
func expandAll(sources []string) ([]string, error) {
	var all []string
	for _, source := range sources {
		if source == "-" || !isMissing(source) {
			all = append(all, source)
			continue
		}
		expanded, err := expandSpan(source)
		if err != nil {
			return nil, err
		}
		if len(expanded) == 1 && strings.ContainsAny(source, "*?[") {
			files, err := filepath.Glob(source)
			if err != nil || len(files) == 0 {
				return nil, &SourceError{source, "no file has such a name", "check the pattern"}
			}
			expanded = files
		}
		if all = append(all, expanded...); len(all) > maxExpanded {
			return nil, &SourceError{source, fmt.Sprintf("the pattern stands for more than %d files", maxExpanded), "name fewer"}
		}
	}
	return all, nil
}

// expandSpan replaces the first span of a pattern by its numbers, and then the others.
func expandSpan(pattern string) ([]string, error) {
	at := span.FindStringSubmatchIndex(pattern)
	if at == nil {
		return []string{pattern}, nil
	}
	first, last := pattern[at[2]:at[3]], pattern[at[4]:at[5]]
	from, errFrom := strconv.Atoi(first)
	to, errTo := strconv.Atoi(last)
	if errFrom != nil || errTo != nil || to < from || to-from >= maxExpanded {
		return nil, &SourceError{pattern, fmt.Sprintf("{%s..%s} is not a span of numbers", first, last), "write it as in val-{000..146}.tar"}
	}
	var all []string
	for n := from; n <= to; n++ {
		rest, err := expandSpan(pattern[:at[0]] + fmt.Sprintf("%0*d", len(first), n) + pattern[at[1]:])
		if err != nil {
			return nil, err
		}
		if all = append(all, rest...); len(all) > maxExpanded {
			return nil, &SourceError{pattern, fmt.Sprintf("the pattern stands for more than %d files", maxExpanded), "name fewer"}
		}
	}
	return all, nil
}
