package arch

// RelativePositionIndex gives, for each query and key token, the row of the bias table: I[q*T+k], T tokens with the class token first,
// row-major with queries as rows. It is not symmetric. Source: microsoft/unilm beit/modeling_finetune.py,
// Attention.__init__.
func RelativePositionIndex(height, width int) []int64 {
	tokens := height*width + 1
	rows := int64((2*height-1)*(2*width-1) + 3)
	index := make([]int64, tokens*tokens)
	for q := 1; q < tokens; q++ {
		qy, qx := (q-1)/width, (q-1)%width
		line := index[q*tokens : (q+1)*tokens]
		line[0] = rows - 2
		for k := 1; k < tokens; k++ {
			ky, kx := (k-1)/width, (k-1)%width
			line[k] = int64((qy-ky+height-1)*(2*width-1) + qx - kx + width - 1)
		}
	}
	for k := 1; k < tokens; k++ {
		index[k] = rows - 3
	}
	index[0] = rows - 1
	return index
}
