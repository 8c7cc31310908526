// Augment compares the operations of package augment with files of cases that dev/interop/augment.py wrote. It exits with 1 if one of them differs.
package main
