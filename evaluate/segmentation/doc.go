// Package segmentation measures how good the maps of classes are that a model with UPerNet makes, on pictures of which the class of each pixel is known: mIoU, mAcc and
// aAcc as open-mmlab/mmsegmentation counts them.
//
// [Open] pairs pictures with their labels, [Data.Check] looks through the labels before the first picture is computed, and [Evaluate] runs the pictures through a
// [segment.Segmenter]. Records of what was counted go to a [Log], of which parts can be made on several machines; [Merge] adds them up.
//
//	data, err := segmentation.Open(ctx, "ADEChallengeData2016", segmentation.Options{})
//	if err != nil {
//		return err
//	}
//	summary, err := segmentation.Evaluate(ctx, segmenter, data, segmentation.RunOptions{Labelling: data.Labelling()})
//	if err != nil {
//		return err
//	}
//	fmt.Printf("mIoU %.2f %%\n", 100*summary.MeanIoU)
package segmentation
