// Package relation finds out how one tensor follows from another: rounded, transposed, with rows in another order, scaled, with one row or one value that
// differs, or zero where the other is not.
//
// [Between] solves for the relation instead of trying a list: any permutation along an axis, or along several at once, any factor, any part. It looks for
// equal bits first, and then for values within rounding or within a tolerance, so that values that were computed rather than stored can be given, too.
//
//	found := relation.Between(a, b, relation.Options{})
//	fmt.Println(found) // B is A with rows reversed, rounded to F16
//
// What axes are made of, such as the heads in the rows of a projection, can be told by [Axis]: permutations then have names.
package relation
