package naming

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
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

// MatchesGlob reports whether a name of a tensor is one that a pattern stands for, in which * is any characters, dots and slashes among them, and ? is one character.
// It takes time proportional to the product of both lengths at most.
func MatchesGlob(pattern, name string) bool {
	at, star, retry := 0, -1, 0
	for i := 0; i < len(name); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, retry = at, i
			at++
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == name[i]):
			at++
			i++
		case star >= 0:
			retry++
			at, i = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[at:], "*") == ""
}
