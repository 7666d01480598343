"""What people see: one offline HTML page about one run or several, built from tables; torch only names its layers."""
