package pictures

import (
	"cmp"
	"strings"
)

// Natural compares names as people number them: digits in them by their value, so 9.jpg comes before 10.jpg. It returns a negative number if a comes before b,
// a positive one if it comes after, and 0 only if they are the same.
func Natural(a, b string) int {
	whole, other := a, b
	for a != "" && b != "" {
		runA, runB := digits(a), digits(b)
		if runA > 0 && runB > 0 {
			numberA, numberB := strings.TrimLeft(a[:runA], "0"), strings.TrimLeft(b[:runB], "0")
			if order := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); order != 0 {
				return order
			}
			a, b = a[runA:], b[runB:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(whole, other))
}

// digits returns how many digits a name begins with.
func digits(name string) int {
	i := 0
	for i < len(name) && '0' <= name[i] && name[i] <= '9' {
		i++
	}
	return i
}
