"""Tables of other packages, and generated ones: the recipe for tables beside scikit-learn's own."""
