// Package report writes an evaluation as an HTML page: accuracy with its interval, by class, confusion as a picture, the most confident mistakes with their
// pictures, and calibration.
package report
