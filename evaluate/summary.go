package evaluate

// Summary has the figures of an evaluation. It follows from the records alone.
type Summary struct {
	Accuracy
	// Interval1 and Interval5 are the 95 % intervals of Share1 and Share5, by Wilson.
	Interval1 Interval `json:"top1_interval"`
	Interval5 Interval `json:"top5_interval"`
	// Loss is the mean cross entropy; nil of models whose probabilities are not a softmax.
	Loss *float64 `json:"loss,omitempty"`
	// Real is the accuracy by labels that were collected again, over the images for which there are any: an answer is right if it is one of them. It is nil
	// without such labels.
	Real *Accuracy `json:"real_labels,omitempty"`
	// All is the number of images with a record, read or not, and Total that of the whole data set; -1 if only the end tells.
	All   int `json:"all_images"`
	Total int `json:"total_images"`
	// Partial says why not all images of the data set, or of the part that was asked for, are among them; empty if they are.
	Partial string `json:"partial,omitempty"`
	// Unread are the images that could not be read, in their order. The figures are about the others.
	Unread []Unread `json:"unread"`
	// Unturned is how many images the model saw as they are stored, although their files say that they are to be turned.
	Unturned int `json:"unturned,omitempty"`
	// Classes are the figures of each class that has images, and Confusions which others were taken for it, the most frequent first.
	Classes     []ClassAccuracy `json:"classes"`
	Confusions  []Confusion     `json:"confusions"`
	Calibration Calibration     `json:"calibration"`
	// Comparisons are with the accuracies that were published of the model.
	Comparisons []Comparison `json:"published,omitempty"`
}

// Unread is an image that could not be read.
type Unread struct {
	Image string `json:"image"`
	Tar   string `json:"tar,omitempty"`
	Error string `json:"error"`
}

// ClassAccuracy is the accuracy over the images of a class.
type ClassAccuracy struct {
	Class int    `json:"class"`
	Label string `json:"label,omitempty"`
	Accuracy
}

// Confusion says for how many images of class Right the most probable class was Taken.
type Confusion struct {
	Right  int `json:"class"`
	Taken  int `json:"taken_for"`
	Images int `json:"images"`
}

// Calibration says how far the probability of the most probable class is the share of images for which it is the right one.
type Calibration struct {
	// Error is the expected calibration error: the mean distance between the two, weighted by the images of each bin.
	Error float64 `json:"error"`
	Bins  []Bin   `json:"bins"`
}

// Bin has the images whose most probable class has a probability of at least From and below To; the last also has those of To.
type Bin struct {
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Images int     `json:"images"`
	Right  int     `json:"right"`
	// Probability is the mean.
	Probability float64 `json:"mean_probability"`
}
