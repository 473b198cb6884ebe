"""The service, started as search_by_image was in 2020.

python server.py
python server.py config="conf/server.xml" port=8003 encoding=utf-8 debug=false
"""

import sys

from search_by_image.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["serve"]
    main()
