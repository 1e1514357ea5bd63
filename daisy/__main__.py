from daisy.cli import main

main()
