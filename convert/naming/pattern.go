package naming

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// placeholder is what stands for the number of a block in a pattern: {i}, {i+1} where the first block is number 1, {i:02} where the number has at least
// two digits.
var placeholder = regexp.MustCompile(`\{i(\+1)?(?::0([2-9]))?\}`)

// fill puts the block's number into a pattern.
func fill(pattern string, block int) string {
	at := placeholder.FindStringSubmatchIndex(pattern)
	if at == nil {
		return pattern
	}
	number, width := block, 1
	if at[2] >= 0 {
		number++
	}
	if at[4] >= 0 {
		width, _ = strconv.Atoi(pattern[at[4]:at[5]])
	}
	return pattern[:at[0]] + fmt.Sprintf("%0*d", width, number) + pattern[at[1]:]
}

// mostRuns is how many numbers of a name are tried as that of a block, and mostDigits how long they may be.
const mostRuns, mostDigits = 16, 9

// patternsOf returns the patterns of which a name may be an instance, with the block that it then belongs to: first the name itself, with block -1, then
// those with a placeholder for one of its numbers.
func patternsOf(name string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		if strings.Contains(name, "{i") || !yield(name, -1) {
			return // a name in a file that looks like a pattern is none
		}
		runs := 0
		for at := 0; at < len(name) && runs < mostRuns; at++ {
			end := at
			for end < len(name) && name[end] >= '0' && name[end] <= '9' {
				end++
			}
			if end == at {
				continue
			}
			runs++
			for mark, block := range placeholdersFor(name[at:end]) {
				if !yield(name[:at]+mark+name[end:], block) {
					return
				}
			}
			at = end
		}
	}
}

// placeholdersFor returns the placeholders that are written as these digits, with the block that each means.
func placeholdersFor(digits string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) > mostDigits {
			return
		}
		padded := digits[0] == '0' && len(digits) > 1
		try := func(width string) bool {
			return yield("{i"+width+"}", number) && (number == 0 || yield("{i+1"+width+"}", number-1))
		}
		if !padded && !try("") {
			return
		}
		for width := 2; width <= len(digits); width++ {
			if (!padded || width == len(digits)) && !try(fmt.Sprintf(":0%d", width)) {
				return
			}
		}
	}
}

// MatchesGlob reports whether a name of a tensor is one that a pattern stands for, in which * is any characters, dots and slashes among them, and ? is one byte.
// What stands between asterisks is looked for once, so a pattern without ? takes time proportional to the length of the name.
func MatchesGlob(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return len(pattern) == len(name) && indexOf(name, pattern) == 0
	}
	if len(name) < len(first) || indexOf(name[:len(first)], first) != 0 {
		return false
	}
	name = name[len(first):]
	for {
		literal, more, star := strings.Cut(rest, "*")
		if !star { // the last one stands at the end
			return len(name) >= len(literal) && indexOf(name[len(name)-len(literal):], literal) == 0
		}
		at := indexOf(name, literal)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(literal):], more
	}
}

// indexOf returns where a text with ? for any byte stands first in a name, or -1.
func indexOf(name, literal string) int {
	if !strings.Contains(literal, "?") {
		return strings.Index(name, literal)
	}
	for at := 0; at+len(literal) <= len(name); at++ {
		i := 0
		for i < len(literal) && (literal[i] == '?' || literal[i] == name[at+i]) {
			i++
		}
		if i == len(literal) {
			return at
		}
	}
	return -1
}

// maxMatching bounds the bytes that are compared when patterns are matched with names: some seconds.
const maxMatching = 1 << 28

// CheckMatching returns a *[MatchingError] if it would take too long to match all of the patterns with the names of all tensors.
func CheckMatching(patterns []string, tensors []tensor.Named) error {
	var each, all int64
	for _, pattern := range patterns {
		width := int64(1)
		if strings.Contains(pattern, "?") {
			width = int64(len(pattern))
		}
		each += width
	}
	for _, t := range tensors {
		all += int64(len(t.Name)) + 1
	}
	if each > 0 && all > maxMatching/each {
		return &MatchingError{Patterns: len(patterns), Names: len(tensors), Bytes: all - int64(len(tensors))}
	}
	return nil
}
