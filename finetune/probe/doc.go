// Package probe fits a linear classifier to the features of pictures, and says how much of their classes the features carry. The encoder that made them is not
// trained: the check is quick, and needs no gradients.
//
// [Fit] standardises the features, chooses the penalty by cross-validation, and minimises the penalised cross-entropy of a multinomial logistic regression. The
// result is a [Head] for the features as they were given, which a model can take as it is. Everything is in float64, in a fixed order: the same data and seed
// have the same bits for any number of threads.
//
//	fitted, err := probe.Fit(ctx, train, probe.Options{Classes: 10})
//	if err != nil {
//		return err
//	}
//	score := probe.ScoreOf(fitted.Head, test)
package probe
