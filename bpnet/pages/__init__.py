"""What pages of HTML share: their content, their pictures, and the template that lays them out."""
